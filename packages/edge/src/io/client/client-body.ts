/**
 * The body of a request: collected up to the bound before its backend is asked, so that a slow
 * client holds no worker; what is longer is passed on piece by piece, as fast as the owner takes it.
 */
import { performance } from "node:perf_hooks";
import { createChunkedDecoder, decodeChunked, resetChunkedDecoder } from "@stack/protocols";
import { appendPiece } from "../../core/body-pieces.ts";
import { bodyMode, type ClientConnection, type ClientExchange, waitFor } from "./client-state.ts";
import { bodyRateDeadline } from "./least-rates.ts";

/** Prepares for a body; `exchange.bodyLength` says which. */
export function expectBody(exchange: ClientExchange): void {
  const io = exchange.io;
  exchange.body = []; // its own: the empty one is everybody's
  if (exchange.bodyLength >= 0) return;
  if (io.decoder === undefined) io.decoder = createChunkedDecoder();
  else resetChunkedDecoder(io.decoder);
}

/**
 * Takes body from buffer[start, end), copying what it keeps.
 *
 * @returns the offset after the body, which is `end` as long as more of it is expected
 */
export function receiveBody(
  exchange: ClientExchange,
  buffer: Buffer,
  start: number,
  end: number,
): number {
  let at = start;
  if (exchange.bodyLength < 0) {
    at = receiveChunked(exchange, buffer, start, end);
  } else {
    at = start + Math.min(end - start, exchange.bodyLength - exchange.bodyReceived);
    takePiece(exchange, buffer, start, at);
    if (exchange.bodyReceived === exchange.bodyLength) exchange.bodyEnded = true;
  }
  if (!exchange.done) afterPieces(exchange);
  return at;
}

/** `Exchange.readBody`. */
export function readBody(this: ClientExchange): void {
  if (this.done || this.bodyMode !== bodyMode.collect) return;
  this.bodyMode = bodyMode.stream;
  this.bodyComplete = false;
  pump(this);
}

/** `Exchange.resumeBody`. */
export function resumeBody(this: ClientExchange): void {
  if (this.done || !this.bodyBlocked) return;
  this.bodyBlocked = false;
  pump(this);
}

/** What was collected is not needed any more. */
export function releaseBody(exchange: ClientExchange): void {
  exchange.bodyMode = bodyMode.drop;
  if (exchange.bodySpill !== undefined) exchange.bodySpill.close();
  if (exchange.bodyBytes === 0) return;
  exchange.io.thread.budget.add(-exchange.bodyBytes);
  exchange.body = [];
  exchange.bodyBlock = undefined;
  exchange.bodyBytes = 0;
}

/** Ends an exchange for what its client did, and tells the owner. */
export function failByClient(exchange: ClientExchange, status: number, reason: string): void {
  const owner = exchange.owner;
  exchange.keepAlive = false;
  exchange.owner = undefined;
  exchange.fail(status, reason);
  owner?.onAbort(exchange);
}

function receiveChunked(
  exchange: ClientExchange,
  buffer: Buffer,
  start: number,
  end: number,
): number {
  const decoder = exchange.io.decoder;
  if (decoder === undefined) return end;
  let at = start;
  while (at < end && !exchange.done) {
    at = decodeChunked(decoder, buffer, at, end);
    if (decoder.problem !== "") {
      failByClient(exchange, 400, decoder.problem);
      return end;
    }
    // Also of a chunk that only says so yet: what is too long is not waited for.
    if (decoder.total + decoder.remaining > exchange.plan.limits.bodyBytes) {
      failByClient(exchange, 413, "the body is longer than this server accepts");
      return end;
    }
    if (decoder.dataEnd > decoder.dataStart) {
      takePiece(exchange, buffer, decoder.dataStart, decoder.dataEnd);
    }
    if (decoder.done) {
      exchange.bodyEnded = true;
      return at;
    }
  }
  return at;
}

/** Copies a piece and passes it on, or keeps it until the owner takes it. */
export function takePiece(
  exchange: ClientExchange,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (end === start) return;
  exchange.bodyReceived += end - start;
  if (exchange.bodyMode === bodyMode.drop) return;
  const piece = Buffer.from(buffer.subarray(start, end)); // a copy: the read buffer is shared
  const isDirect = exchange.bodySpill === undefined;
  if (exchange.bodyMode === bodyMode.stream && !exchange.bodyBlocked && isDirect) {
    if (exchange.owner !== undefined && !exchange.owner.onBody(exchange, piece)) {
      exchange.bodyBlocked = true;
    }
    return;
  }
  if (exchange.bodySpill !== undefined) {
    exchange.bodySpill.take(piece);
    return;
  }
  exchange.bodyBlock = appendPiece(exchange.body, piece, exchange.bodyBlock);
  exchange.bodyBytes += piece.length;
  exchange.io.thread.budget.add(piece.length);
}

/** After one or more pieces, and after the last. */
export function afterPieces(exchange: ClientExchange): void {
  const io = exchange.io;
  if (exchange.bodyEnded) {
    io.waiting = waitFor.nothing;
    io.deadline = Number.POSITIVE_INFINITY;
    const isDirect = exchange.bodySpill === undefined;
    if (exchange.bodyMode === bodyMode.collect) exchange.bodyComplete = isDirect;
    else if (exchange.bodyMode === bodyMode.stream && exchange.body.length === 0 && isDirect) {
      exchange.owner?.onBodyEnd(exchange);
    }
  }
  if (!exchange.asked) {
    if (exchange.bodyEnded || (isFull(exchange) && !isSpilled(exchange))) ask(exchange);
  }
  if (exchange.done || exchange.bodyEnded) return;
  if (mustWait(exchange)) {
    if (exchange.bodyPausedAt === 0) exchange.bodyPausedAt = performance.now();
    pauseReading(io);
  } else awaitMore(io, exchange);
}

/** Asks the backend; from here on it owns the answer. */
export function ask(exchange: ClientExchange): void {
  exchange.asked = true;
  exchange.backend.handle(exchange);
}

function pump(exchange: ClientExchange): void {
  let next = 0;
  while (next < exchange.body.length && !exchange.bodyBlocked && !exchange.done) {
    const piece = exchange.body[next++];
    if (piece === undefined || exchange.owner === undefined) break;
    exchange.bodyBytes -= piece.length;
    exchange.io.thread.budget.add(-piece.length);
    if (!exchange.owner.onBody(exchange, piece)) exchange.bodyBlocked = true;
  }
  if (exchange.done) return;
  exchange.body.splice(0, next);
  if (exchange.bodyBlocked || exchange.body.length > 0) return;
  if (exchange.bodySpill !== undefined) exchange.bodySpill.pump();
  else if (exchange.bodyEnded) exchange.owner?.onBodyEnd(exchange);
  else awaitMore(exchange.io, exchange);
}

function isFull(exchange: ClientExchange): boolean {
  if (exchange.bodyBytes >= exchange.plan.limits.bufferBytes) return true;
  return exchange.bodyBytes > 0 && exchange.io.thread.budget.isExhausted();
}

/** Memory is full: whether the disk takes the rest. */
function isSpilled(exchange: ClientExchange): boolean {
  const spill = exchange.bodySpill;
  if (spill !== undefined) return !spill.isFull();
  return exchange.io.thread.spill.startBody(exchange);
}

function mustWait(exchange: ClientExchange): boolean {
  if (exchange.bodySpill?.mustWait() === true) return true;
  if (exchange.bodyMode === bodyMode.collect) return exchange.asked && isFull(exchange);
  return exchange.bodyMode === bodyMode.stream && exchange.bodyBlocked;
}

/** More of the body may come. */
export function awaitMore(io: ClientConnection, exchange: ClientExchange): void {
  const now = performance.now();
  if (exchange.bodyPausedAt > 0) {
    exchange.bodyPausedMs += now - exchange.bodyPausedAt;
    exchange.bodyPausedAt = 0;
  }
  io.waiting = waitFor.body;
  io.deadline = Math.min(now + exchange.plan.timeoutsMs.body, bodyRateDeadline(exchange));
  resumeReading(io);
}

/** Stops reading; the deadline of whoever the client waits for now is the only one. */
export function pauseReading(io: ClientConnection): void {
  io.waiting = waitFor.nothing;
  io.deadline = Number.POSITIVE_INFINITY;
  if (io.paused || io.closed) return;
  io.paused = true;
  io.socket.pause();
}

/** As `pauseReading`, with the deadline left in force: for tunnels. */
export function holdReading(io: ClientConnection): void {
  if (io.paused || io.closed) return;
  io.paused = true;
  io.socket.pause();
}

export function resumeReading(io: ClientConnection): void {
  if (!io.paused || io.closed) return;
  io.paused = false;
  io.socket.resume();
}
