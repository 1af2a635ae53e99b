/** Where what is wanted lies in the payload of a frame: between padding and priority (RFC 9113 §6.1, §6.2). */
import { h2ErrorCodes } from "./error-codes.ts";
import { frameFlag, uint31At } from "./frames.ts";

/** bytes[from, to) */
export interface Span {
  from: number;
  to: number;
}

const priorityBytes = 5;

/** Of DATA; returns 0, or the code to end the connection with. */
export function findData(
  flags: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  span: Span,
): number {
  span.from = start;
  span.to = end;
  if ((flags & frameFlag.padded) === 0) return 0;
  if (start === end) return h2ErrorCodes.frameSizeError;
  span.from += 1;
  span.to -= bytes[start] as number;
  return span.to < span.from ? h2ErrorCodes.protocolError : 0;
}

/** Of HEADERS; returns 0, or the code to end the connection with. */
export function findBlock(
  flags: number,
  stream: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  span: Span,
): number {
  const problem = findData(flags, bytes, start, end, span);
  if (problem !== 0 || (flags & frameFlag.priority) === 0) return problem;
  const at = span.from;
  if (end - at < priorityBytes) return h2ErrorCodes.frameSizeError;
  // RFC 7540 §5.3.1: a stream cannot depend on itself.
  if (uint31At(bytes, at) === stream) return h2ErrorCodes.protocolError;
  span.from += priorityBytes;
  return span.to < span.from ? h2ErrorCodes.protocolError : 0;
}
