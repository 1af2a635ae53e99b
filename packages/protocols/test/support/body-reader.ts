/**
 * A body as it arrives, whatever its framing: counts a Content-Length, decodes chunks, or takes all
 * until the connection ends. Works inside the buffer it is given, like `decodeChunked`.
 */
import {
  chunkedBody,
  createChunkedDecoder,
  decodeChunked,
  type Framing,
  resetChunkedDecoder,
} from "../../src/index.ts";

/** Responses only: the body ends where the connection does. */
export const untilClose = -3;

export interface BodyReader {
  /** The piece of body found by the last call: buffer[dataStart, dataEnd); empty when they are equal. */
  dataStart: number;
  dataEnd: number;
  /** The body is complete; what follows belongs to the next message. */
  done: boolean;
  /** What is wrong; then nothing more may be read from this connection. */
  problem: string;
  /** Bytes of body so far. */
  total: number;
  framing: Framing;
  readonly chunks: ReturnType<typeof createChunkedDecoder>;
}

export function createBodyReader(): BodyReader {
  return {
    dataStart: 0,
    dataEnd: 0,
    done: true,
    problem: "",
    total: 0,
    framing: 0,
    chunks: createChunkedDecoder(),
  };
}

/** Begins a body; one of no bytes is done at once. */
export function startBody(reader: BodyReader, framing: Framing): void {
  reader.dataStart = 0;
  reader.dataEnd = 0;
  reader.problem = "";
  reader.total = 0;
  reader.framing = framing;
  reader.done = framing !== chunkedBody && framing !== untilClose && framing <= 0;
  if (framing === chunkedBody) resetChunkedDecoder(reader.chunks);
}

/**
 * Reads on in buffer[start, end) to the next piece of body. Call it again from the offset it
 * returned until that is `end`, or `done`, or `problem` is set.
 *
 * @returns the offset after what was read
 */
export function readBody(
  reader: BodyReader,
  buffer: Uint8Array,
  start: number,
  end: number,
): number {
  reader.dataStart = start;
  reader.dataEnd = start;
  if (reader.done) return start;
  if (reader.framing === chunkedBody) {
    const { chunks } = reader;
    const at = decodeChunked(chunks, buffer, start, end);
    reader.dataStart = chunks.dataStart;
    reader.dataEnd = chunks.dataEnd;
    reader.done = chunks.done;
    reader.problem = chunks.problem;
    reader.total = chunks.total;
    return at;
  }
  const left = reader.framing === untilClose ? end - start : reader.framing - reader.total;
  const until = Math.min(end, start + left);
  reader.dataEnd = until;
  reader.total += until - start;
  if (reader.framing >= 0) reader.done = reader.total === reader.framing;
  return until;
}

/**
 * The connection ended: whether the body is complete. One until close is; any other that was not
 * `done` is cut short, and must not be presented as complete (RFC 9112 §8).
 */
export function endBody(reader: BodyReader): boolean {
  if (reader.framing === untilClose) reader.done = true;
  return reader.done;
}
