/**
 * Puts the worker's mark before each line an app prints: all workers of an arbiter share the
 * keeper's pipes. A keeper that is gone must not end the app: then lines go nowhere.
 */
import { StringDecoder } from "node:string_decoder";
import { formatMark } from "@stack/control";

/** A line longer than this is written in parts. */
const longestLine = 64 * 1024;

type Write = (text: string) => void;

/**
 * Cuts what is written into marked lines, each chunk one write of whole lines.
 *
 * @returns `push` for bytes or text, `flush` for a last line without its end
 */
export function createLineMarker(
  id: string,
  write: Write,
): { readonly push: (chunk: Uint8Array | string) => void; readonly flush: () => void } {
  const mark = formatMark(id);
  const decoder = new StringDecoder("utf8");
  let pending = "";
  return {
    push(chunk) {
      pending += typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk));
      const end = pending.lastIndexOf("\n");
      if (end < 0 && pending.length < longestLine) return;
      const whole = end < 0 ? pending : pending.slice(0, end);
      pending = end < 0 ? "" : pending.slice(end + 1);
      write(`${mark}${whole.replaceAll("\n", `\n${mark}`)}\n`);
    },
    flush() {
      if (pending !== "") write(`${mark}${pending}\n`);
      pending = "";
    },
  };
}

/** From now on `console` and `process.stdout`, `process.stderr` of this process are marked. */
export function markOutput(id: string): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {}); // EPIPE: the keeper died
    const plain = stream.write.bind(stream) as (text: string, done?: () => void) => boolean;
    const marker = createLineMarker(id, (text) => plain(text));
    stream.write = ((
      chunk: Uint8Array | string,
      encoding?: BufferEncoding | (() => void),
      done?: () => void,
    ): boolean => {
      const text = typeof chunk === "string" && typeof encoding === "string" && encoding !== "utf8";
      marker.push(text ? Buffer.from(chunk, encoding) : chunk);
      const callback = typeof encoding === "function" ? encoding : done;
      if (callback !== undefined) process.nextTick(callback);
      return true;
    }) as typeof stream.write;
    process.on("exit", () => marker.flush());
  }
}
