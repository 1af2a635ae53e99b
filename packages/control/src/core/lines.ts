/** JSON lines with a bound: how control messages are framed on a Unix socket. */
import { defineError, exitCodes } from "@stack/base";

/** No message is longer; a peer that sends more is cut off. */
export const maxLineBytes = 4 * 1024 * 1024;

export interface LineDecoder {
  /** The messages completed by this chunk. Throws E0101 on a line too long, E0102 on bad JSON. */
  readonly push: (chunk: string) => readonly unknown[];
}

export function encodeLine(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

export function createLineDecoder(): LineDecoder {
  let pending = "";
  return {
    push(chunk) {
      pending += chunk;
      const messages: unknown[] = [];
      let start = 0;
      for (;;) {
        const end = pending.indexOf("\n", start);
        if (end < 0) break;
        if (end > start) messages.push(parse(pending.slice(start, end)));
        start = end + 1;
      }
      pending = pending.slice(start);
      if (pending.length > maxLineBytes) throw lineTooLong({ limit: maxLineBytes });
      return messages;
    },
  };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw lineNotJson({ start: line.slice(0, 80) }, cause);
  }
}

const lineTooLong = defineError("E0101", exitCodes.internal, ({ limit }: { limit: number }) => ({
  title: `A control message is longer than ${limit} bytes`,
  fixes: ["Please report it: only stack itself speaks on this socket."],
}));

const lineNotJson = defineError("E0102", exitCodes.internal, ({ start }: { start: string }) => ({
  title: `A control message is not JSON: ${start}`,
  fixes: ["Please report it: only stack itself speaks on this socket."],
}));
