/**
 * The answer side of an exchange: framing (RFC 9112 §6), keep-alive, what HEAD, 204 and 304 leave
 * out, error pages, and the end of the request in metrics and access log. The methods are shared by
 * all exchanges; `this` is the exchange.
 */
import { performance } from "node:perf_hooks";
import {
  chunkEnd,
  chunkStart,
  contentLengthLine,
  headerValue,
  lastChunk,
  type RequestHead,
  statusLine,
} from "@stack/protocols";
import { asksForHtml } from "../../core/error-pages.ts";
import type { RouteDecision } from "../../core/routing/route-table.ts";
import type { Backend, Bytes, ClientFacts, PreparedAnswer } from "../exchange.ts";
import { readBody, releaseBody, resumeBody } from "./client-body.ts";
import { accountOutput, flush, leastBound, put, putWhole, unsentBytes } from "./client-output.ts";
import { keepsPace } from "./client-pace.ts";
import {
  type AnswerEdit,
  bodyMode,
  type ClientConnection,
  type ClientExchange,
} from "./client-state.ts";
import { routeSlotOf } from "./route-slot.ts";

/** After these the rest of what the client sends cannot be told apart from a body: close. */
const closingStatuses: ReadonlySet<number> = new Set([400, 408, 413, 414, 417, 431, 501, 505]);
/** Of every request without a body; never added to. */
const noPieces: Buffer[] = [];
const dateField = /(?:^|\n)date:/i;

export function createExchange(
  io: ClientConnection,
  head: RequestHead,
  route: RouteDecision,
  backend: Backend,
  client: ClientFacts,
  now: number,
): ClientExchange {
  const bodyLength = head.chunked ? -1 : Math.max(head.contentLength, 0);
  const noBody = bodyLength === 0;
  const exchange: ClientExchange = {
    io,
    head,
    route,
    backend,
    client,
    plan: io.thread.active.plan,
    connection: io.facts,
    isHead: head.method === "HEAD",
    startedAt: now,
    bodyLength,
    body: noPieces,
    bodyBlock: undefined,
    bodyBytes: 0,
    bodyComplete: noBody,
    bodyReceived: 0,
    bodyMode: bodyMode.collect,
    bodyEnded: noBody,
    bodyBlocked: false,
    bodyPausedAt: 0,
    bodyPausedMs: 0,
    bodySpill: undefined,
    answerSpill: undefined,
    asked: false,
    owner: undefined,
    servedBy: "",
    upgrade: "",
    switchedAt: 0,
    answerEnded: false,
    begun: false,
    done: false,
    keepAlive: head.keepAlive,
    status: 0,
    answerLength: -1,
    answerBytes: 0,
    answerChunked: false,
    answerBodiless: false,
    blocked: false,
    neverSpilled: false,
    obey: undefined,
    editAnswer: undefined,
    onDone: undefined,
    times: undefined,
    requestId: "",
    traceId: "",
    bytesPerSecond: 0,
    paced: false,
    app: "",
    queueMs: 0,
    user: "",
    cacheOutcome: undefined,
    readBody,
    resumeBody,
    inform,
    begin,
    switchProtocols,
    write,
    isFlushed,
    end,
    answer,
    answerPrepared,
    fail,
  };
  if (io.dialect !== undefined) Object.assign(exchange, io.dialect.methods);
  return exchange;
}

/** The client is gone; called when its connection has closed under a request. */
export function abandon(exchange: ClientExchange): void {
  if (exchange.done) return;
  if (!exchange.begun) exchange.status = 499;
  const owner = exchange.owner;
  finish(exchange);
  owner?.onAbort(exchange);
}

function inform(this: ClientExchange, status: number, reason: string, fields: string): void {
  if (this.done || this.begun || this.head.minor === 0 || status === 100) return;
  this.io.thread.metrics.informed();
  putWhole(this.io, `${statusLine(status, reason)}${fields}\r\n`);
}

function begin(
  this: ClientExchange,
  status: number,
  reason: string,
  fields: string,
  length: number,
  hasDate: boolean = dateField.test(fields),
): void {
  if (this.done || this.begun) return;
  this.begun = true;
  this.status = status;
  this.answerLength = length;
  this.answerBodiless = this.isHead || status === 204 || status === 304;
  const lines = this.editAnswer === undefined ? fields : this.editAnswer(fields, this, status);
  let head = statusLine(status, reason) + lines;
  if (!hasDate) head += this.io.thread.dateLine;
  if (length >= 0) {
    if (status !== 204) head += contentLengthLine(length);
  } else if (!this.answerBodiless) {
    if (this.head.minor === 1) {
      this.answerChunked = true;
      head += "Transfer-Encoding: chunked\r\n";
    } else {
      this.keepAlive = false; // the body ends where the connection does
    }
  }
  put(this.io, head + connectionLine(this));
}

/** For exchanges that were offered no upgrade; the others have the tunnel's. */
function switchProtocols(this: ClientExchange): void {
  this.fail(502, "it switched protocols unasked");
}

function write(this: ClientExchange, bytes: Bytes): boolean {
  if (this.done || !this.begun || bytes.length === 0) return true;
  const io = this.io;
  let piece = bytes;
  const left = this.answerLength - this.answerBytes;
  if (this.answerLength >= 0 && bytes.length > left) {
    // More than was announced is cut off, or it would be read as the next answer.
    piece = typeof bytes === "string" ? bytes.slice(0, left) : bytes.subarray(0, left);
    if (left === 0) return true;
  }
  this.answerBytes += piece.length;
  if (this.answerBodiless) return true;
  if (this.answerChunked) {
    put(io, chunkStart(piece.length));
    put(io, piece);
    put(io, chunkEnd);
  } else {
    put(io, piece);
  }
  if (this.bytesPerSecond > 0 && !keepsPace(this)) return false;
  return hasRoom(this);
}

function isFlushed(this: ClientExchange): boolean {
  return unsentBytes(this.io) === 0;
}

function end(this: ClientExchange): void {
  if (this.done) return;
  if (!this.begun) {
    this.fail(502, "the answer had no head");
    return;
  }
  if (this.answerBodiless) {
    finish(this);
    return;
  }
  if (this.answerLength >= 0 && this.answerBytes < this.answerLength) {
    cutOff(this);
    return;
  }
  if (this.answerChunked) put(this.io, lastChunk);
  finish(this);
}

function answer(
  this: ClientExchange,
  status: number,
  reason: string,
  fields: string,
  body: Bytes,
): void {
  this.begin(status, reason, fields, body.length);
  this.write(body);
  this.end();
}

function answerPrepared(this: ClientExchange, prepared: PreparedAnswer): void {
  if (this.done || this.begun) return;
  this.begun = true;
  this.status = prepared.status;
  const last = connectionLine(this);
  if (this.editAnswer !== undefined) {
    put(this.io, editedHead(this, this.editAnswer, prepared) + last);
    if (!this.isHead) {
      put(this.io, prepared.body);
      this.answerBytes = prepared.body.length;
    }
  } else if (last === "\r\n" && !this.isHead) {
    putWhole(this.io, prepared.whole);
    this.answerBytes = prepared.body.length;
  } else {
    put(this.io, prepared.head + last);
    if (!this.isHead) {
      put(this.io, prepared.body);
      this.answerBytes = prepared.body.length;
    }
  }
  finish(this);
}

function fail(this: ClientExchange, status: number, reason: string, retryAfterS = 0): void {
  if (this.done) return;
  if (this.begun) {
    cutOff(this);
    return;
  }
  if (closingStatuses.has(status)) this.keepAlive = false;
  const html = asksForHtml(headerValue(this.head, "accept"));
  const page = this.io.thread.errorPages.page(status, reason, html, retryAfterS);
  this.answer(status, page.phrase, page.fields, page.body);
}

function editedHead(exchange: ClientExchange, edit: AnswerEdit, prepared: PreparedAnswer): string {
  const fieldsAt = prepared.head.indexOf("\n") + 1;
  const fields = edit(prepared.head.slice(fieldsAt), exchange, prepared.status);
  return prepared.head.slice(0, fieldsAt) + fields;
}

/** The client must see that this is not all: no terminator, and no clean end either. */
function cutOff(exchange: ClientExchange): void {
  const io = exchange.io;
  exchange.keepAlive = false;
  io.closing = true;
  finish(exchange);
  flush(io);
  // Where only the end of the connection ends the body, a reset is the one way to say "cut".
  const isDelimited = exchange.answerChunked || exchange.answerLength >= 0;
  // (TLS has none: there it is the missing close_notify that says it.)
  const isCutByEnd = isDelimited || io.facts.isUnix || io.facts.scheme === "https";
  if (isCutByEnd || exchange.switchedAt > 0) io.socket.destroy();
  else io.socket.resetAndDestroy();
}

/** The Connection line, if one is needed, and the empty line. */
function connectionLine(exchange: ClientExchange): string {
  const io = exchange.io;
  // A body still on its way would be read as the next request.
  const isLast = io.peerEnded && io.offset >= io.text.length; // what it sent before its end is answered
  if (!exchange.bodyEnded || io.thread.draining || isLast) exchange.keepAlive = false;
  const fields = io.rules === undefined ? "" : io.rules.answerFields;
  if (!exchange.keepAlive) return `${fields}Connection: close\r\n\r\n`;
  if (exchange.head.minor === 0) return `${fields}Connection: keep-alive\r\n\r\n`;
  return fields === "" ? "\r\n" : `${fields}\r\n`;
}

/** False: the client has enough to read for now. */
export function hasRoom(exchange: ClientExchange): boolean {
  const io = exchange.io;
  const unsent = unsentBytes(io);
  if (unsent < leastBound) return true;
  flush(io);
  accountOutput(io);
  const bound = io.thread.budget.isExhausted()
    ? leastBound
    : Math.max(exchange.plan.limits.bufferBytes, leastBound);
  exchange.blocked =
    io.socket.writableNeedDrain && unsent >= bound && !io.thread.spill.startAnswer(exchange);
  return !exchange.blocked;
}

/** The end of every exchange: metrics, access log, and the connection goes on or closes. */
export function finish(exchange: ClientExchange): void {
  const io = exchange.io;
  exchange.done = true;
  exchange.owner = undefined;
  releaseBody(exchange);
  if (exchange.answerSpill !== undefined) exchange.answerSpill.close();
  const now = performance.now();
  io.lastDone = now;
  // What is no connection of its own ends with its answer.
  if (io.dialect !== undefined) flush(io);
  if (!io.dirty) accountOutput(io);
  const durationMs = now - exchange.startedAt;
  // A tunnel was counted when it began: how long it was open is no latency.
  if (exchange.switchedAt > 0) io.thread.metrics.tunnelClosed();
  else io.thread.metrics.requestEnded(exchange.status, durationMs, io.thread.timeOrigin + now);
  const { answerBytes, bodyReceived, app, queueMs, status } = exchange;
  const waitedMs = app === "" ? -1 : queueMs;
  const slot = routeSlotOf(exchange);
  const tookMs = exchange.switchedAt === 0 ? durationMs : exchange.switchedAt - exchange.startedAt;
  io.thread.routeMetrics.ended(slot, status, tookMs, waitedMs, bodyReceived, answerBytes);
  io.thread.active.logAccess?.(exchange, durationMs);
  if (exchange.onDone !== undefined) exchange.onDone(exchange);
  io.onExchangeDone(io);
}
