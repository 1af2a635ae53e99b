/**
 * One connection to a Python worker (design D5): one exchange at a time, closing it aborts what
 * runs. It owns a slot from the moment a request is sent until the worker says READY, on this
 * connection or on the one that replaces it. What is sent stands in `worker-request.ts`.
 */

import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { SocketAddress } from "@stack/base";
import {
  createResponseHead,
  createWorkerFrameReader,
  encodeWindow,
  type FrameReader,
  initialWindow,
  parseWorkerHead,
  workerProtocolVersion,
} from "@stack/protocols";
import { type Exchange, type ExchangeOwner, unknownLength } from "../exchange.ts";
import { carryOrders } from "../internal/carry-orders.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { findSwitchProblem } from "../upgrade/check-switch.ts";
import type { AppCall } from "./app-call.ts";

export interface WorkerConnection extends ExchangeOwner {
  readonly host: ConnectionHost;
  readonly socket: Socket;
  readonly reader: FrameReader;
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

/** What a connection tells the link it belongs to. */
export interface ConnectionHost {
  readonly thread: ThreadContext;
  readonly address: SocketAddress;
  /** The thread's read buffer for workers. */
  readonly buffer: Buffer;
  /** For messages: "shop-1.2". */
  readonly name: string;
  onReady(connection: WorkerConnection): void;
  /** The exchange is done, in whatever way; a READY may follow. */
  onAnswered(connection: WorkerConnection, call: AppCall): void;
  /** The worker wants no new request here, and none is in flight. */
  onGoaway(connection: WorkerConnection): void;
  /** The socket closed, under a call if there is one. */
  onClosed(connection: WorkerConnection, call: AppCall | undefined): void;
  /** The window was granted again: the body goes on. */
  onWindow(connection: WorkerConnection): void;
  /** A piece of the request body, and its end. */
  onRequestPiece(connection: WorkerConnection, piece: Buffer): boolean;
  onRequestEnd(connection: WorkerConnection): void;
}

/** For the worker to take the last bytes of a tunnel whose client is gone. */
const lastBytesMs = 5_000;
/** Pieces of an answer up to this size are cheaper as text, joined with its head. */
const textBytes = 16 * 1024;
const responseLimits = { headerBytes: 1024 * 1024, headerCount: 1000 };
/** One record for all: it is read out before the next frame is. */
const responseHead = createResponseHead();

/** @param slot taken over from a connection that was closed before its worker was ready again */
export function openWorkerConnection(host: ConnectionHost, slot: number): WorkerConnection {
  const socket = connect({
    ...(host.address.kind === "unix"
      ? { path: host.address.path }
      : { host: host.address.host, port: host.address.port }),
    noDelay: true,
    onread: {
      buffer: host.buffer,
      callback: (bytes, buffer) => onRead(connection, bytes, buffer as Buffer),
    },
  });
  host.thread.quicken(socket);
  const reader = createWorkerFrameReader({
    onReady: (version) => onReady(connection, version),
    onInform: (text) => onInform(connection, text),
    onHead: (text) => onHead(connection, text),
    onBody: (buffer, start, end) => onBody(connection, buffer, start, end),
    onEnd: () => onEnd(connection),
    onFail: () => onFail(connection),
    onWindow: (bytes) => {
      connection.sendWindow += bytes;
      host.onWindow(connection);
      if (connection.isTunnel) settleTunnel(connection);
    },
    onGoaway: () => {
      connection.goaway = true;
      if (connection.call === undefined) host.onGoaway(connection);
    },
  });
  const connection: WorkerConnection = {
    host,
    socket,
    reader,
    ready: false,
    closed: false,
    goaway: false,
    slot,
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
      const call = connection.call;
      connection.call = undefined;
      if (call !== undefined) host.onAnswered(connection, call);
      closeWorkerConnection(connection);
    },
    onDrain: () => onClientDrain(connection),
    onBody: (_exchange, piece) => host.onRequestPiece(connection, piece),
    onBodyEnd: () => {
      host.onRequestEnd(connection);
      if (connection.isTunnel) settleTunnel(connection);
    },
  };
  socket.on("error", () => {}); // 'close' follows
  socket.on("close", () => {
    try {
      onClose(connection);
    } catch (error) {
      host.thread.log.error(`worker ${host.name}: ${describe(error)}`);
    }
  });
  return connection;
}

/** Ends a connection; what it had in flight must have been taken from it. */
export function closeWorkerConnection(connection: WorkerConnection): void {
  if (connection.closed) return;
  connection.reader.stop();
  connection.ready = false;
  connection.socket.destroy();
}

function onRead(connection: WorkerConnection, bytes: number, buffer: Buffer): boolean {
  const { flusher } = connection.host.thread;
  flusher.enter();
  try {
    const problem = connection.reader.push(buffer, 0, bytes);
    if (problem !== "") breach(connection, problem);
  } catch (error) {
    breach(connection, describe(error));
  }
  flusher.leave();
  return !connection.paused;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The worker broke the rules: what it had gets a 502, and is not tried elsewhere. */
function breach(connection: WorkerConnection, problem: string): void {
  connection.host.thread.log.error(`worker ${connection.host.name}: ${problem}`);
  const call = connection.call;
  connection.call = undefined;
  if (call !== undefined) {
    call.exchange.fail(502, "the answer of the application was not valid");
    connection.host.onAnswered(connection, call);
  }
  closeWorkerConnection(connection);
}

function onReady(connection: WorkerConnection, version: number): void {
  if (version !== workerProtocolVersion) {
    breach(connection, `it speaks protocol ${version}, not ${workerProtocolVersion}`);
    return;
  }
  if (connection.call !== undefined) {
    breach(connection, "READY within an exchange");
    return;
  }
  connection.ready = true;
  connection.host.onReady(connection);
}

function onInform(connection: WorkerConnection, text: string): void {
  const exchange = exchangeOf(connection);
  if (exchange === undefined || !parsesHead(connection, exchange, text)) return;
  exchange.inform(responseHead.status, responseHead.reason, responseHead.forwardable);
}

function onHead(connection: WorkerConnection, text: string): void {
  const exchange = exchangeOf(connection);
  if (exchange === undefined || !parsesHead(connection, exchange, text)) return;
  if (responseHead.status === 101 && !exchange.begun) {
    beginTunnel(connection, exchange);
    return;
  }
  if (exchange.begun || responseHead.status < 200) {
    breach(connection, exchange.begun ? "a second HEAD" : "a HEAD with a 1xx status");
    return;
  }
  const { status, reason, forwardable, contentLength, hasDate, orders } = responseHead;
  const length = contentLength < 0 ? unknownLength : contentLength;
  // First: whoever obeys them may put another `begin` in the place of this one.
  const fields = carryOrders(exchange, forwardable, orders);
  exchange.begin(status, reason, fields, length, hasDate);
}

/** The client's deadline is the only one from here on; both windows are full. */
function beginTunnel(connection: WorkerConnection, exchange: Exchange): void {
  const problem = findSwitchProblem(exchange.head, exchange.upgrade, responseHead);
  if (problem !== "") {
    breach(connection, `its answer is refused: ${problem}`);
    return;
  }
  const { reason, forwardable } = responseHead;
  connection.isTunnel = true;
  connection.timeoutMs = Number.POSITIVE_INFINITY;
  connection.deadline = Number.POSITIVE_INFINITY;
  connection.requestEnded = false;
  connection.bodyFinal = false;
  exchange.switchProtocols(reason, forwardable);
  exchange.readBody();
}

/** After either side's END: the exchange is done when both are, and both were sent on. */
function settleTunnel(connection: WorkerConnection): void {
  const exchange = connection.call?.exchange;
  if (exchange?.done !== true) return;
  if (connection.requestEnded) settle(connection);
  else connection.socket.setTimeout(lastBytesMs, () => closeWorkerConnection(connection));
}

function parsesHead(connection: WorkerConnection, exchange: Exchange, text: string): boolean {
  connection.deadline = performance.now() + connection.timeoutMs;
  if (parseWorkerHead(text, responseLimits, exchange.head.method, responseHead) === 0) return true;
  breach(connection, `its answer is refused: ${responseHead.problem}`);
  return false;
}

function onBody(connection: WorkerConnection, buffer: Buffer, start: number, end: number): void {
  const exchange = exchangeOf(connection);
  if (exchange === undefined) return;
  if (!exchange.begun) {
    breach(connection, "a body without a HEAD");
    return;
  }
  connection.ungranted += end - start;
  connection.isMoving = true;
  const hasRoom = exchange.write(
    end - start <= textBytes
      ? buffer.toString("latin1", start, end)
      : Buffer.from(buffer.subarray(start, end)), // a copy: the read buffer is shared
  );
  if (connection.call === undefined) return;
  if (hasRoom) {
    if (connection.ungranted >= initialWindow / 2) grant(connection);
  } else {
    connection.deadline = Number.POSITIVE_INFINITY;
    if (connection.host.thread.budget.isExhausted()) connection.paused = true;
  }
}

function grant(connection: WorkerConnection): void {
  connection.deadline = performance.now() + connection.timeoutMs;
  connection.socket.write(encodeWindow(connection.ungranted), "latin1");
  connection.ungranted = 0;
}

function onClientDrain(connection: WorkerConnection): void {
  if (connection.closed || connection.call === undefined) return;
  if (connection.ungranted > 0) grant(connection);
  if (connection.paused) {
    connection.paused = false;
    connection.socket.resume();
  }
}

function onEnd(connection: WorkerConnection): void {
  const exchange = exchangeOf(connection);
  if (exchange === undefined) return;
  exchange.end();
  if (connection.isTunnel) settleTunnel(connection);
  else settle(connection);
}

function onFail(connection: WorkerConnection): void {
  const exchange = exchangeOf(connection);
  if (exchange === undefined) return;
  exchange.fail(500, "the application raised an exception");
  settle(connection);
}

/** The answer is over, for the worker too. */
function settle(connection: WorkerConnection): void {
  const call = connection.call;
  if (call === undefined) return; // the client was cut off meanwhile, and told us by onAbort
  connection.call = undefined;
  if (connection.isTunnel) connection.socket.setTimeout(0);
  connection.isTunnel = false;
  connection.deadline = Number.POSITIVE_INFINITY;
  connection.host.onAnswered(connection, call);
  // A body the worker would still read and drop for us is not worth waiting for.
  if (!connection.requestEnded) closeWorkerConnection(connection);
  else if (connection.goaway) connection.host.onGoaway(connection);
}

/** The exchange in flight; frames of an answer outside of one are a breach of the protocol. */
function exchangeOf(connection: WorkerConnection): Exchange | undefined {
  if (connection.call === undefined) {
    breach(connection, "an answer to no request");
    return undefined;
  }
  return connection.call.exchange;
}

function onClose(connection: WorkerConnection): void {
  connection.closed = true;
  connection.ready = false;
  connection.outbox = [];
  const call = connection.call;
  connection.call = undefined;
  connection.host.onClosed(connection, call);
}
