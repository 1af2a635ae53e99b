/**
 * One client connection and the events of its socket. The next request begins only when the last
 * is answered; whatever goes wrong here costs this connection only.
 */

import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { clearRequestHead } from "@stack/protocols";
import type { ReadCallback } from "../thread/adopt-socket.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { shortBytes } from "../thread/turn-end.ts";
import { endOfClient, receiveTunnel } from "../upgrade/tunnel.ts";
import { failByClient, pauseReading, receiveBody } from "./client-body.ts";
import { prolongClosing, startClosing } from "./client-closing.ts";
import { abandon } from "./client-exchange.ts";
import { accountOutput, writeHeld } from "./client-output.ts";
import { parseRequests, refuse, returnHead } from "./client-requests.ts";
import { type ClientConnection, waitFor } from "./client-state.ts";

/** Pipelined bytes kept while a request is being answered, besides a whole head. */
const pipelineBytes = 64 * 1024;

/**
 * Begins to serve an accepted connection. The caller has counted it and is told of its end by
 * `onClosed`.
 */
export function openClientConnection(
  socket: Socket,
  thread: ThreadContext,
  facts: ClientConnection["facts"],
  onClosed: (io: ClientConnection) => void,
): ClientConnection {
  const io = createClientConnection(socket, thread, facts, onExchangeDone, undefined);
  socket.on("end", () => guard(io, onPeerEnd));
  socket.on("drain", () => guard(io, onDrain));
  socket.on("error", ignore); // 'close' follows and tells all that matters
  socket.on("close", () => {
    io.closed = true;
    guard(io, onClose);
    onClosed(io);
  });
  return io;
}

/**
 * The record of a connection that has not begun to read.
 *
 * @param dialect undefined for HTTP/1.1
 */
export function createClientConnection(
  socket: Socket,
  thread: ThreadContext,
  facts: ClientConnection["facts"],
  onExchangeDone: ClientConnection["onExchangeDone"],
  dialect: ClientConnection["dialect"],
): ClientConnection {
  return {
    // What every request touches stands together.
    exchange: undefined,
    text: "",
    offset: 0,
    scanned: 0,
    head: undefined,
    thread,
    closing: false,
    closed: false,
    arrived: false,
    parsing: false,
    parseOnDrain: false,
    peerEnded: false,
    paused: false,
    dirty: false,
    sending: false,
    waiting: waitFor.request,
    pending: "",
    whole: undefined,
    socket,
    accounted: 0,
    lastDone: 0,
    deadline: performance.now() + thread.active.plan.timeoutsMs.idle,
    rules: facts.rules,
    dialect,
    peer: {
      address: facts.peerAddress,
      port: facts.peerPort,
      scheme: facts.scheme,
      trusted: false,
    },
    facts,
    takeIn,
    writeHeld,
    onExchangeDone,
    onBug: crashed,
    index: -1,
    decoder: undefined,
    taken: 0,
    sendDeadline: 0,
    sendSince: 0,
    sentBefore: 0,
  };
}

/** What reads for it: see `ReadCallback` for what may become of the bytes. */
export function readerOf(io: ClientConnection): ReadCallback {
  return (bytes, buffer) => {
    try {
      onRead(io, bytes, buffer);
    } catch (error) {
      crash(io, error);
    }
    return !io.paused;
  };
}

/** Answers 408 to a head that does not come. */
export function failHead(io: ClientConnection): void {
  guard(io, () => refuse(io, 408, "the request head came too slowly"));
}

/** For draining: closes it if no request is under way or about to come. */
export function closeIfIdle(io: ClientConnection): void {
  if (io.exchange === undefined && io.offset >= io.text.length) startClosing(io);
}

/** Runs one callback of a connection; an exception ends that connection. */
export function guard(io: ClientConnection, run: (io: ClientConnection) => void): void {
  try {
    run(io);
  } catch (error) {
    crash(io, error);
  }
}

/** An exception of ours: it costs this connection and is logged. */
function crash(io: ClientConnection, error: unknown): void {
  io.thread.log.error(`a connection failed: ${error instanceof Error ? error.stack : error}`);
  io.closing = true;
  io.socket.destroy();
}

function crashed(this: ClientConnection, error: unknown): void {
  crash(this, error);
}

function ignore(): void {}

function onRead(io: ClientConnection, bytes: number, buffer: Buffer): void {
  if (io.closing || io.closed) {
    prolongClosing(io);
    return;
  }
  const exchange = io.exchange;
  let from = 0;
  if (exchange !== undefined && !exchange.bodyEnded) {
    if (exchange.switchedAt > 0) {
      receiveTunnel(exchange, buffer, bytes);
      return;
    }
    from = receiveBody(exchange, buffer, 0, bytes);
    if (from === bytes || io.closing) return;
  }
  const text = buffer.toString("latin1", from, bytes);
  if (io.offset >= io.text.length) {
    io.text = text;
    io.scanned = 0;
    io.offset = 0;
  } else {
    io.scanned = Math.max(io.scanned - io.offset, 0);
    io.text = io.text.slice(io.offset) + text;
    io.offset = 0;
  }
  if (io.exchange !== undefined) {
    const { limits } = io.thread.active.plan;
    if (io.text.length > pipelineBytes + limits.headerBytes) pauseReading(io);
  } else if (io.text.length > shortBytes) {
    parseRequests(io);
  } else if (!io.arrived) {
    io.arrived = true;
    io.thread.turnEnd.takeRequest(io);
  }
}

/** The end of the turn in which something was read, or what comes before it. */
function takeIn(this: ClientConnection): void {
  this.arrived = false;
  if (this.exchange === undefined) parseRequests(this);
}

function onExchangeDone(io: ClientConnection): void {
  const exchange = io.exchange;
  if (exchange === undefined) return;
  io.exchange = undefined;
  if (io.head !== undefined) clearRequestHead(io.head);
  if (io.closed || io.closing) return;
  if (!exchange.keepAlive || !exchange.bodyEnded) {
    startClosing(io);
    return;
  }
  io.waiting = waitFor.request;
  io.deadline = io.lastDone + io.thread.active.plan.timeoutsMs.idle;
  if (io.parsing) return;
  if (io.offset < io.text.length || io.peerEnded || io.paused) parseRequests(io);
  else io.text = "";
}

function onPeerEnd(io: ClientConnection): void {
  if (io.arrived) io.takeIn();
  io.peerEnded = true;
  const exchange = io.exchange;
  if (exchange === undefined) {
    // A head that was begun never comes now; what was sent after our last answer is of no interest.
    if (io.offset < io.text.length && !io.closing && !io.parseOnDrain) {
      refuse(io, 400, "the request head was cut short");
    } else if (!io.parseOnDrain) startClosing(io);
  } else if (exchange.switchedAt > 0) {
    endOfClient(exchange);
  } else if (!exchange.bodyEnded) {
    failByClient(exchange, 400, "the body was cut short");
  } else if (exchange.owner?.isQueue === true) {
    // It may only be half closed, but nearly always nobody is there any more, and others wait.
    io.socket.destroy();
  }
}

export function onDrain(io: ClientConnection): void {
  const exchange = io.exchange;
  accountOutput(io);
  if (exchange?.answerSpill !== undefined) {
    exchange.answerSpill.pump();
  } else if (exchange?.blocked === true) {
    exchange.blocked = false;
    exchange.owner?.onDrain(exchange);
  } else if (io.parseOnDrain) {
    io.parseOnDrain = false;
    parseRequests(io);
  }
}

export function onClose(io: ClientConnection): void {
  io.pending = "";
  io.whole = undefined;
  io.text = "";
  accountOutput(io);
  if (io.exchange !== undefined) abandon(io.exchange);
  returnHead(io);
}
