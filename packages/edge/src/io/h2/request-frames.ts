/**
 * The frames that requests are made of: HEADERS, CONTINUATION, DATA and RST_STREAM (RFC 9113 §6.1, §6.2, §6.4,
 * §6.10). Each takes one frame and returns 0, or the code to end the connection with.
 */
import { h2ErrorCodes as code } from "../../core/h2/error-codes.ts";
import type { Frame } from "../../core/h2/frame-reader.ts";
import { frameFlag, resetFrame, uint32At, windowUpdateFrame } from "../../core/h2/frames.ts";
import { createOpenBlock } from "../../core/h2/open-block.ts";
import { findBlock, findData } from "../../core/h2/payloads.ts";
import { formatRequestText, isTrailer, type RequestText } from "../../core/h2/request-text.ts";
import { connectionWindow, countFlood, type H2State, maxStreams } from "./h2-state.ts";
import { H2Stream, serveRequest } from "./h2-stream.ts";

/** DATA that is more frame than body. */
const tinyData = 16;

export function takeData(state: H2State, frame: Frame): number {
  const { ids, span } = state;
  const { flags, stream: id, bytes, start, end } = frame;
  if (id === 0 || id > ids.last() || id % 2 === 0) return code.protocolError;
  const length = end - start;
  const problem = findData(frame, span) || countBody(state, length);
  if (problem !== 0) return problem;
  const ends = (flags & frameFlag.endStream) !== 0;
  const stream = state.streams.get(id);
  if (stream === undefined) {
    if (!ids.isLate(id)) return ids.isSkipped(id) ? code.protocolError : code.streamClosed;
    if (ends) ids.endLate(id);
  } else if (stream.hasEnded) {
    return code.streamClosed;
  } else {
    let wrong = stream.receive(bytes, span.from, span.to, length);
    if (wrong === 0 && ends && !stream.isOver) wrong = stream.receiveEnd();
    if (ends) ids.endLate(id);
    if (wrong !== 0) return blame(state, stream, wrong);
  }
  return length < tinyData && !ends ? countFlood(state, "idle") : 0;
}

/** What comes counts for the connection's window, whatever becomes of it (RFC 9113 §6.9). */
function countBody(state: H2State, length: number): number {
  state.taken += length;
  if (state.taken > connectionWindow) return code.flowControlError;
  if (state.taken >= connectionWindow / 2) {
    state.outlet.put(windowUpdateFrame(0, state.taken));
    state.taken = 0;
  }
  return 0;
}

export function takeHeaders(state: H2State, frame: Frame): number {
  const { ids, span } = state;
  const { flags, stream: id, bytes } = frame;
  if (id === 0 || id % 2 === 0) return code.protocolError;
  const problem = findBlock(frame, span);
  if (problem !== 0) return problem;
  if (id > ids.last()) ids.begin(id);
  else if (ids.isSkipped(id)) return code.protocolError;
  else if (state.streams.get(id)?.hasEnded ?? !ids.isLate(id)) return code.streamClosed;
  const endStream = (flags & frameFlag.endStream) !== 0;
  const { from, to } = span;
  if ((flags & frameFlag.endHeaders) !== 0) return takeBlock(state, id, endStream, bytes, from, to);
  // Compressed it is shorter than what it says, or it is too long anyway.
  state.block = createOpenBlock(id, endStream, bytes.subarray(from, to), 2 * state.listBytes);
  return 0;
}

export function takeContinuation(state: H2State, frame: Frame): number {
  const { block } = state;
  if (block === undefined) return code.protocolError;
  const problem = block.add(frame) || countFlood(state, "idle");
  if (problem !== 0 || (frame.flags & frameFlag.endHeaders) === 0) return problem;
  state.block = undefined;
  const whole = block.whole();
  return takeBlock(state, block.stream, block.endStream, whole, 0, whole.length);
}

/** Whole fields of a request, or of the trailer of one. */
function takeBlock(
  state: H2State,
  id: number,
  endStream: boolean,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  // Always, or the table would not be the client's.
  const list = state.decoder.decode(bytes, start, end);
  if (list === undefined) return code.compressionError;
  const stream = state.streams.get(id);
  if (stream !== undefined) return takeTrailer(state, stream, endStream, list.fields);
  if (state.ids.isLate(id)) {
    if (endStream) state.ids.endLate(id);
    return 0;
  }
  if (state.isClosing || state.streams.size >= maxStreams) {
    refuse(state, id, endStream, code.refusedStream);
    return countFlood(state, "resets");
  }
  const request: RequestText = list.isTooLarge
    ? { kind: "refused", status: 431, problem: "the headers are too large" }
    : formatRequestText(list.fields, endStream);
  if (request.kind === "malformed") {
    refuse(state, id, endStream, code.protocolError);
    return countFlood(state, "malformed");
  }
  begin(state, id, endStream, request);
  return 0;
}

/** It never becomes a stream. */
function refuse(state: H2State, id: number, endStream: boolean, why: number): void {
  state.outlet.put(resetFrame(id, why));
  if (!endStream) state.ids.closeEarly(id);
}

function begin(
  state: H2State,
  id: number,
  endStream: boolean,
  request: Exclude<RequestText, { readonly kind: "malformed" }>,
): void {
  const stream = new H2Stream(id, state, endStream);
  state.streams.set(id, stream);
  serveRequest(stream, request);
}

/** §8.1: it ends the request; what it says is dropped. */
function takeTrailer(
  state: H2State,
  stream: H2Stream,
  endStream: boolean,
  fields: readonly string[],
): number {
  const problem = endStream && isTrailer(fields) ? stream.receiveEnd() : code.protocolError;
  return problem === 0 ? 0 : blame(state, stream, problem);
}

export function takeReset(state: H2State, { stream: id, bytes, start, end }: Frame): number {
  if (id === 0 || id > state.ids.last() || id % 2 === 0) return code.protocolError;
  if (end - start !== 4) return code.frameSizeError;
  const stream = state.streams.get(id);
  state.ids.endLate(id);
  if (stream === undefined) return countFlood(state, "idle");
  stream.hasEnded = true;
  state.closing.close(stream);
  if (uint32At(bytes, start) === code.noError) return 0;
  if (state.answered === 0) return countFlood(state, "resets");
  state.answered -= 1;
  return 0;
}

/** What its client did wrong ends a stream; done over and over it costs us requests (CVE-2025-8671). */
export function blame(state: H2State, stream: H2Stream, why: number): number {
  state.closing.reset(stream, why);
  return countFlood(state, "resets");
}
