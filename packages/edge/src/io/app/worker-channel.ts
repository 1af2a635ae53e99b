/**
 * Where one exchange at a time goes to a Python worker (design D5): a connection of its own
 * (`own-connection.ts`), or a stream of one that many share (`shared-connection.ts`). Closing it aborts
 * what runs. What becomes of the frames of an answer stands here, what is sent in `worker-request.ts`.
 */

import { performance } from "node:perf_hooks";
import type { SocketAddress } from "@stack/base";
import {
  type AnswerState,
  createResponseHead,
  encodeWindow,
  initialWindow,
  parseWorkerHead,
  type WorkerEvents,
  workerProtocolVersion,
} from "@stack/protocols";
import { type Exchange, type ExchangeOwner, unknownLength } from "../exchange.ts";
import { carryOrders } from "../internal/carry-orders.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { findSwitchProblem } from "../upgrade/check-switch.ts";
import type { AppCall } from "./app-call.ts";

export interface WorkerChannel extends ExchangeOwner {
  readonly host: ChannelHost;
  readonly socket: ChannelSocket;
  /** BODY bytes of an answer that may be under way. */
  readonly window: number;
  /** Ends it; `onChannelClosed` follows, later. */
  readonly close: () => void;
  /** Of a stream: the exchange it carries, and how far the answer has come. */
  id: number;
  answer: AnswerState;
  /** READY was said and nothing has been sent since. */
  ready: boolean;
  closed: boolean;
  /** No new request here. */
  goaway: boolean;
  /** Owned until the next READY; -1 for none. */
  slot: number;
  call: AppCall | undefined;
  /** How long the app may go on without a sign of life. */
  timeoutMs: number;
  /** `performance.now()` at which the worker could begin with it. */
  startedAt: number;
  /** `performance.now()` at which it has taken too long; Infinity while it waits for the client. */
  deadline: number;
  /** Request body not sent yet, the first piece from `outboxOffset` on. */
  outbox: Buffer[];
  outboxOffset: number;
  /** All of the body is in the outbox or sent. */
  bodyFinal: boolean;
  /** END of the request was sent, or there was no body. */
  requestEnded: boolean;
  sendWindow: number;
  /** Answer bytes taken and not granted again. */
  ungranted: number;
  paused: boolean;
  /** A piece of an answer came since the deadline was set: that is a sign of life. */
  isMoving: boolean;
  /** It was upgraded: each side ends on its own. */
  isTunnel: boolean;
}

/** What a channel writes to. Of a shared connection only `write` does something. */
export interface ChannelSocket {
  write(data: string | Uint8Array, encoding?: "latin1"): boolean;
  cork(): void;
  uncork(): void;
  resume(): unknown;
  setTimeout(ms: number, onTimeout?: () => void): unknown;
}

/** What a channel tells the link it belongs to. */
export interface ChannelHost {
  readonly thread: ThreadContext;
  readonly address: SocketAddress;
  /** The thread's read buffer for workers. */
  readonly buffer: Buffer;
  /** For messages: "shop-1.2". */
  readonly name: string;
  onReady(channel: WorkerChannel): void;
  /** The exchange is done, in whatever way; a READY may follow. */
  onAnswered(channel: WorkerChannel, call: AppCall): void;
  /** The worker wants no new request here, and none is in flight. */
  onGoaway(channel: WorkerChannel): void;
  onClosed(channel: WorkerChannel, call: AppCall | undefined, wasReached: boolean): void;
  /** The window was granted again: the body goes on. */
  onWindow(channel: WorkerChannel): void;
  /** A piece of the request body, and its end. */
  onRequestPiece(channel: WorkerChannel, piece: Buffer): boolean;
  onRequestEnd(channel: WorkerChannel): void;
}

/** For the worker to take the last bytes of a tunnel whose client is gone. */
const lastBytesMs = 5_000;
/** Pieces of an answer up to this size are cheaper as text, joined with its head. */
const textBytes = 16 * 1024;
const responseLimits = { headerBytes: 1024 * 1024, headerCount: 1000 };
/** One record for all: it is read out before the next frame is. */
const responseHead = createResponseHead();

/** @param slot -1, or taken over from a connection that was closed before its worker was ready again */
export function createChannel(
  host: ChannelHost,
  socket: ChannelSocket,
  close: () => void,
  options: { readonly window: number; readonly slot: number },
): WorkerChannel {
  const channel: WorkerChannel = {
    host,
    socket,
    window: options.window,
    close,
    id: 0,
    answer: { phase: "waiting" },
    ready: false,
    closed: false,
    goaway: false,
    slot: options.slot,
    call: undefined,
    timeoutMs: 0,
    startedAt: 0,
    deadline: Number.POSITIVE_INFINITY,
    outbox: [],
    outboxOffset: 0,
    bodyFinal: true,
    requestEnded: true,
    sendWindow: initialWindow,
    ungranted: 0,
    paused: false,
    isMoving: false,
    isTunnel: false,
    onAbort: () => {
      const call = channel.call;
      channel.call = undefined;
      if (call !== undefined) host.onAnswered(channel, call);
      closeChannel(channel);
    },
    onDrain: () => onClientDrain(channel),
    onBody: (_exchange, piece) => host.onRequestPiece(channel, piece),
    onBodyEnd: () => {
      host.onRequestEnd(channel);
      if (channel.isTunnel) settleTunnel(channel);
    },
  };
  return channel;
}

/** What becomes of the frames that arrive. @param channel the one they belong to just now */
export function channelEvents(channel: () => WorkerChannel): WorkerEvents {
  return {
    onReady: (version) => onReady(channel(), version),
    onInform: (text) => onInform(channel(), text),
    onHead: (text) => onHead(channel(), text),
    onBody: (buffer, start, end) => onBody(channel(), buffer, start, end),
    onEnd: () => onEnd(channel()),
    onFail: () => onFail(channel()),
    onWindow: (bytes) => onWindow(channel(), bytes),
    onGoaway: () => onGoaway(channel()),
  };
}

/** Ends a channel; what it had in flight must have been taken from it. */
export function closeChannel(channel: WorkerChannel): void {
  if (channel.closed) return;
  channel.ready = false;
  channel.close();
}

/** It has closed, under a call or not. @param wasReached the worker has said something on it */
export function onChannelClosed(channel: WorkerChannel, wasReached: boolean): void {
  channel.closed = true;
  channel.ready = false;
  channel.outbox = [];
  const call = channel.call;
  channel.call = undefined;
  try {
    channel.host.onClosed(channel, call, wasReached);
  } catch (error) {
    channel.host.thread.log.error(`worker ${channel.host.name}: ${describe(error)}`);
  }
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The worker broke the rules: what it had gets a 502, and is not tried elsewhere. */
export function breach(channel: WorkerChannel, problem: string): void {
  channel.host.thread.log.error(`worker ${channel.host.name}: ${problem}`);
  const call = channel.call;
  channel.call = undefined;
  if (call !== undefined) {
    call.exchange.fail(502, "the answer of the application was not valid");
    channel.host.onAnswered(channel, call);
  }
  closeChannel(channel);
}

function onReady(channel: WorkerChannel, version: number): void {
  if (version !== workerProtocolVersion) {
    breach(channel, `it speaks protocol ${version}, not ${workerProtocolVersion}`);
    return;
  }
  if (channel.call !== undefined) {
    breach(channel, "READY within an exchange");
    return;
  }
  channel.ready = true;
  channel.host.onReady(channel);
}

function onWindow(channel: WorkerChannel, bytes: number): void {
  channel.sendWindow += bytes;
  channel.host.onWindow(channel);
  if (channel.isTunnel) settleTunnel(channel);
}

function onGoaway(channel: WorkerChannel): void {
  channel.goaway = true;
  if (channel.call === undefined) channel.host.onGoaway(channel);
}

function onInform(channel: WorkerChannel, text: string): void {
  const exchange = exchangeOf(channel);
  if (exchange === undefined || !parsesHead(channel, exchange, text)) return;
  exchange.inform(responseHead.status, responseHead.reason, responseHead.forwardable);
}

function onHead(channel: WorkerChannel, text: string): void {
  const exchange = exchangeOf(channel);
  if (exchange === undefined || !parsesHead(channel, exchange, text)) return;
  if (responseHead.status === 101 && !exchange.begun) {
    beginTunnel(channel, exchange);
    return;
  }
  if (exchange.begun || responseHead.status < 200) {
    breach(channel, exchange.begun ? "a second HEAD" : "a HEAD with a 1xx status");
    return;
  }
  const { status, reason, forwardable, contentLength, hasDate, orders } = responseHead;
  const length = contentLength < 0 ? unknownLength : contentLength;
  // First: whoever obeys them may put another `begin` in the place of this one.
  const fields = carryOrders(exchange, forwardable, orders);
  exchange.begin(status, reason, fields, length, hasDate);
}

/** The client's deadline is the only one from here on; both windows are full. */
function beginTunnel(channel: WorkerChannel, exchange: Exchange): void {
  const problem = findSwitchProblem(exchange.head, exchange.upgrade, responseHead);
  if (problem !== "") {
    breach(channel, `its answer is refused: ${problem}`);
    return;
  }
  const { reason, forwardable } = responseHead;
  channel.isTunnel = true;
  channel.timeoutMs = Number.POSITIVE_INFINITY;
  channel.deadline = Number.POSITIVE_INFINITY;
  channel.requestEnded = false;
  channel.bodyFinal = false;
  exchange.switchProtocols(reason, forwardable);
  exchange.readBody();
}

/** After either side's END: the exchange is done when both are, and both were sent on. */
function settleTunnel(channel: WorkerChannel): void {
  const exchange = channel.call?.exchange;
  if (exchange?.done !== true) return;
  if (channel.requestEnded) settle(channel);
  else channel.socket.setTimeout(lastBytesMs, () => closeChannel(channel));
}

function parsesHead(channel: WorkerChannel, exchange: Exchange, text: string): boolean {
  channel.deadline = performance.now() + channel.timeoutMs;
  if (parseWorkerHead(text, responseLimits, exchange.head.method, responseHead) === 0) return true;
  breach(channel, `its answer is refused: ${responseHead.problem}`);
  return false;
}

function onBody(channel: WorkerChannel, buffer: Buffer, start: number, end: number): void {
  const exchange = exchangeOf(channel);
  if (exchange === undefined) return;
  if (!exchange.begun) {
    breach(channel, "a body without a HEAD");
    return;
  }
  channel.ungranted += end - start;
  channel.isMoving = true;
  const hasRoom = exchange.write(
    end - start <= textBytes
      ? buffer.toString("latin1", start, end)
      : Buffer.from(buffer.subarray(start, end)), // a copy: the read buffer is shared
  );
  if (channel.call === undefined) return;
  if (hasRoom) {
    if (channel.ungranted >= channel.window / 2) grant(channel);
  } else {
    channel.deadline = Number.POSITIVE_INFINITY;
    if (channel.host.thread.budget.isExhausted()) channel.paused = true;
  }
}

function grant(channel: WorkerChannel): void {
  channel.deadline = performance.now() + channel.timeoutMs;
  channel.socket.write(encodeWindow(channel.ungranted), "latin1");
  channel.ungranted = 0;
}

function onClientDrain(channel: WorkerChannel): void {
  if (channel.closed || channel.call === undefined) return;
  if (channel.ungranted > 0) grant(channel);
  if (channel.paused) {
    channel.paused = false;
    channel.socket.resume();
  }
}

function onEnd(channel: WorkerChannel): void {
  const exchange = exchangeOf(channel);
  if (exchange === undefined) return;
  exchange.end();
  if (channel.isTunnel) settleTunnel(channel);
  else settle(channel);
}

function onFail(channel: WorkerChannel): void {
  const exchange = exchangeOf(channel);
  if (exchange === undefined) return;
  exchange.fail(500, "the application raised an exception");
  settle(channel);
}

/** The answer is over, for the worker too. */
function settle(channel: WorkerChannel): void {
  const call = channel.call;
  if (call === undefined) return; // the client was cut off meanwhile, and told us by onAbort
  channel.call = undefined;
  if (channel.isTunnel) channel.socket.setTimeout(0);
  channel.isTunnel = false;
  channel.deadline = Number.POSITIVE_INFINITY;
  channel.host.onAnswered(channel, call);
  // A body the worker would still read and drop for us is not worth waiting for.
  if (!channel.requestEnded) closeChannel(channel);
  else if (channel.goaway) channel.host.onGoaway(channel);
}

/** The exchange in flight; frames of an answer outside of one are a breach of the protocol. */
function exchangeOf(channel: WorkerChannel): Exchange | undefined {
  if (channel.call === undefined) {
    breach(channel, "an answer to no request");
    return undefined;
  }
  return channel.call.exchange;
}
