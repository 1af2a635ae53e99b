/**
 * One client connection: reads, finds heads, begins one request after the other (the next only when
 * the last is answered), and survives nothing: whatever goes wrong here costs this connection only.
 */

import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import {
  clearRequestHead,
  continueResponse,
  createRequestHead,
  findHeadEnd,
  headerValue,
  parseRequestHead,
  type RequestHead,
} from "@stack/protocols";
import { decideForwardedClient } from "../core/client-address.ts";
import { decideRoute, type RouteDecision } from "../core/route-table.ts";
import type { ReadCallback } from "./adopt-socket.ts";
import {
  ask,
  expectBody,
  failByClient,
  pauseReading,
  receiveBody,
  resumeReading,
} from "./client-body.ts";
import { prolongClosing, startClosing } from "./client-closing.ts";
import { abandon, createExchange } from "./client-exchange.ts";
import { accountOutput, leastBound, putAndFlush, unsentBytes } from "./client-output.ts";
import { type ClientConnection, type ClientExchange, waitFor } from "./client-state.ts";
import type { Backend, ClientFacts } from "./exchange.ts";
import type { ThreadContext } from "./thread-context.ts";

/** Pipelined bytes kept while a request is being answered, besides a whole head. */
const pipelineBytes = 64 * 1024;
/** Heads a thread keeps for reuse. */
const keptHeads = 1024;

const noRoute: RouteDecision = {
  action: { kind: "respond", status: 404, body: "", type: "" },
  stripLength: 0,
  prefixLength: 0,
  index: -1,
  source: "",
};

const noBackend: Backend = {
  wantsBody: false,
  handle: (exchange) => exchange.fail(404, "no route answers this address"),
  retire: () => {},
};

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
  const io: ClientConnection = {
    socket,
    thread,
    facts,
    peer: {
      address: facts.peerAddress,
      port: facts.peerPort,
      scheme: facts.scheme,
      trusted: false,
    },
    index: -1,
    waiting: waitFor.request,
    deadline: performance.now() + thread.active.plan.timeoutsMs.idle,
    lastDone: 0,
    text: "",
    offset: 0,
    scanned: 0,
    head: undefined,
    exchange: undefined,
    decoder: undefined,
    parsing: false,
    parseOnDrain: false,
    peerEnded: false,
    paused: false,
    closing: false,
    closed: false,
    pending: "",
    dirty: false,
    accounted: 0,
    sending: false,
    unsent: 0,
    sendDeadline: 0,
    onExchangeDone,
  };
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
export function crash(io: ClientConnection, error: unknown): void {
  io.thread.log.error(`a connection failed: ${error instanceof Error ? error.stack : error}`);
  io.closing = true;
  io.socket.destroy();
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
  if (io.exchange === undefined) parseRequests(io);
  else if (io.text.length > pipelineBytes + io.thread.active.plan.limits.headerBytes)
    pauseReading(io);
}

/** Begins requests as long as each is answered at once. */
function parseRequests(io: ClientConnection): void {
  io.parsing = true;
  while (io.exchange === undefined && !io.closing && !io.closed && io.offset < io.text.length) {
    if (unsentBytes(io) > leastBound) {
      // It pipelines and does not read: no more answers until it does.
      io.parseOnDrain = true;
      pauseReading(io);
      break;
    }
    if (!parseNext(io)) break;
  }
  io.parsing = false;
  if (io.closing || io.closed || io.exchange !== undefined || io.parseOnDrain) return;
  if (io.peerEnded) {
    startClosing(io);
    return;
  }
  resumeReading(io);
}

/** False: more bytes are needed. */
function parseNext(io: ClientConnection): boolean {
  const { limits } = io.thread.active.plan;
  const end = findHeadEnd(io.text, io.offset, Math.max(io.scanned, io.offset), limits);
  if (end === 0) {
    io.scanned = io.text.length;
    if (io.waiting !== waitFor.head) {
      io.waiting = waitFor.head;
      io.deadline = performance.now() + io.thread.active.plan.timeoutsMs.header;
    }
    return false;
  }
  if (end < 0) {
    refuse(io, -end, headProblem(-end));
    return true;
  }
  const head = takeHead(io);
  const status = parseRequestHead(io.text, io.offset, end, limits, head);
  if (status !== 0) {
    head.keepAlive = false;
    refuse(io, status, head.problem);
    return true;
  }
  io.offset = end;
  beginRequest(io, head);
  return true;
}

function beginRequest(io: ClientConnection, head: RequestHead): void {
  const active = io.thread.active;
  io.waiting = waitFor.nothing;
  io.deadline = Number.POSITIVE_INFINITY;
  const route = decideRoute(active.table, head.host, head.path) ?? noRoute;
  const backend = active.backends[route.index] ?? noBackend;
  const client = clientOf(io, head);
  const exchange = createExchange(io, head, route, backend, client, performance.now());
  io.exchange = exchange;
  if (exchange.bodyEnded) {
    ask(exchange);
    return;
  }
  beginBody(io, exchange);
}

function beginBody(io: ClientConnection, exchange: ClientExchange): void {
  const { head, backend } = exchange;
  const { limits, timeoutsMs } = exchange.plan;
  if (exchange.bodyLength > limits.bodyBytes) {
    failByClient(exchange, 413, "the body is longer than this server accepts");
    return;
  }
  expectBody(exchange);
  io.waiting = waitFor.body;
  io.deadline = performance.now() + timeoutsMs.body;
  if (io.offset < io.text.length) {
    const rest = Buffer.from(io.text.slice(io.offset), "latin1");
    const used = receiveBody(exchange, rest, 0, rest.length);
    io.offset += used;
  } else if (head.expectContinue && backend.wantsBody) {
    putAndFlush(io, continueResponse);
  }
  if (!exchange.done && !exchange.asked && !backend.wantsBody) ask(exchange);
}

function clientOf(io: ClientConnection, head: RequestHead): ClientFacts {
  const trust = io.thread.active.trust;
  if (trust === undefined || trust(io.facts.peerAddress) !== true) return io.peer;
  return decideForwardedClient(
    { address: io.facts.peerAddress, port: io.facts.peerPort, scheme: io.facts.scheme },
    {
      forwardedFor: headerValue(head, "x-forwarded-for"),
      forwardedProto: headerValue(head, "x-forwarded-proto"),
    },
    trust,
  );
}

/** Answers something that is no request, with whatever of a head there is, and closes. */
function refuse(io: ClientConnection, status: number, reason: string): void {
  io.waiting = waitFor.nothing;
  io.deadline = Number.POSITIVE_INFINITY;
  const head = io.head ?? takeHead(io);
  const now = performance.now();
  const exchange = createExchange(io, head, noRoute, noBackend, io.peer, now);
  io.exchange = exchange;
  exchange.asked = true;
  exchange.keepAlive = false;
  exchange.bodyEnded = true;
  exchange.fail(status, reason);
}

function headProblem(status: number): string {
  if (status === 414) return "the target is too long";
  return status === 431 ? "the headers are too large" : "this is not HTTP/1.1";
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
  io.peerEnded = true;
  const exchange = io.exchange;
  if (exchange === undefined) {
    // A head that was begun never comes now; what was sent after our last answer is of no interest.
    if (io.offset < io.text.length && !io.closing && !io.parseOnDrain) {
      refuse(io, 400, "the request head was cut short");
    } else if (!io.parseOnDrain) startClosing(io);
  } else if (!exchange.bodyEnded) {
    failByClient(exchange, 400, "the body was cut short");
  }
}

function onDrain(io: ClientConnection): void {
  const exchange = io.exchange;
  accountOutput(io, performance.now(), io.thread.active.plan.timeoutsMs.idle);
  if (exchange?.blocked === true) {
    exchange.blocked = false;
    exchange.owner?.onDrain(exchange);
  } else if (io.parseOnDrain) {
    io.parseOnDrain = false;
    parseRequests(io);
  }
}

function onClose(io: ClientConnection): void {
  io.pending = "";
  io.text = "";
  accountOutput(io, 0, 0);
  if (io.exchange !== undefined) abandon(io.exchange);
  returnHead(io);
}

function takeHead(io: ClientConnection): RequestHead {
  io.head ??= io.thread.heads.pop() ?? createRequestHead();
  return io.head;
}

/**
 * Gives up the head of a connection between two requests. While requests come, a connection keeps
 * its own, which remembers what is said of this client.
 */
export function returnHead(io: ClientConnection): void {
  const head = io.head;
  if (head === undefined || io.exchange !== undefined) return;
  io.head = undefined;
  if (io.thread.heads.length < keptHeads) io.thread.heads.push(head);
}
