/** Where what is wanted lies in the payload of a frame: between padding and priority (RFC 9113 §6.1, §6.2). */
import { h2ErrorCodes } from "./error-codes.ts";
import type { Frame } from "./frame-reader.ts";
import { frameFlag, uint31At } from "./frames.ts";

/** bytes[from, to) */
export interface Span {
  from: number;
  to: number;
}

const priorityBytes = 5;

/** Of DATA; returns 0, or the code to end the connection with. */
export function findData({ flags, bytes, start, end }: Frame, span: Span): number {
  span.from = start;
  span.to = end;
  if ((flags & frameFlag.padded) === 0) return 0;
  if (start === end) return h2ErrorCodes.frameSizeError;
  span.from += 1;
  span.to -= bytes[start] as number;
  return span.to < span.from ? h2ErrorCodes.protocolError : 0;
}

/** Of HEADERS; returns 0, or the code to end the connection with. */
export function findBlock(frame: Frame, span: Span): number {
  const problem = findData(frame, span);
  if (problem !== 0 || (frame.flags & frameFlag.priority) === 0) return problem;
  if (frame.end - span.from < priorityBytes) return h2ErrorCodes.frameSizeError;
  // RFC 7540 §5.3.1: a stream cannot depend on itself.
  if (uint31At(frame.bytes, span.from) === frame.stream) return h2ErrorCodes.protocolError;
  span.from += priorityBytes;
  return span.to < span.from ? h2ErrorCodes.protocolError : 0;
}
