/** A header block that comes in more than one frame (RFC 9113 §4.3, §6.10). */
import { h2ErrorCodes } from "./error-codes.ts";
import type { Frame } from "./frame-reader.ts";

/** A header block in more frames than this is a flood. */
const mostContinuations = 8;

export interface OpenBlock {
  readonly stream: number;
  readonly endStream: boolean;
  /** Returns 0, or the code to end the connection with. */
  readonly add: (continuation: Frame) => number;
  readonly whole: () => Buffer;
}

/** @param mostBytes of the block as it is sent */
export function createOpenBlock(
  stream: number,
  endStream: boolean,
  first: Buffer,
  mostBytes: number,
): OpenBlock {
  const pieces = [Buffer.from(first)]; // a copy: what is read is read over
  let bytes = first.length;
  return {
    stream,
    endStream,
    add({ bytes: more, start, end }) {
      bytes += end - start;
      const isFlood = pieces.length > mostContinuations || bytes > mostBytes;
      if (isFlood) return h2ErrorCodes.enhanceYourCalm;
      pieces.push(Buffer.from(more.subarray(start, end)));
      return 0;
    },
    whole: () => Buffer.concat(pieces),
  };
}
