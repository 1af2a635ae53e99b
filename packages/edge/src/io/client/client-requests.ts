/**
 * From bytes to requests: finds heads in what a connection has read, refuses what is none, routes
 * the rest and starts it, one at a time.
 */
import { performance } from "node:perf_hooks";
import {
  continueResponse,
  createRequestHead,
  findHeadEnd,
  findLineProblem,
  headerValue,
  parseRequestHead,
  type RequestHead,
} from "@stack/protocols";
import { decideForwardedClient } from "../../core/routing/client-address.ts";
import { decideRoute, type RouteDecision } from "../../core/routing/route-table.ts";
import type { Backend, ClientFacts } from "../exchange.ts";
import { offerUpgrade } from "../upgrade/tunnel.ts";
import {
  ask,
  expectBody,
  failByClient,
  pauseReading,
  receiveBody,
  resumeReading,
} from "./client-body.ts";
import { startClosing } from "./client-closing.ts";
import { createExchange } from "./client-exchange.ts";
import { flush, leastBound, putWhole, unsentBytes } from "./client-output.ts";
import {
  type ClientConnection,
  type ClientExchange,
  type EntranceRules,
  waitFor,
} from "./client-state.ts";

/** Heads a thread keeps for reuse. */
const keptHeads = 1024;

const noRoute: RouteDecision = {
  action: { kind: "respond", status: 404, body: "", type: "" },
  stripLength: 0,
  prefixLength: 0,
  index: -1,
  source: "",
  choices: null,
};

const noBackend: Backend = {
  wantsBody: false,
  handle: (exchange) => exchange.fail(404, "no route answers this address"),
  retire: () => {},
};

/** Begins requests as long as each is answered at once. */
export function parseRequests(io: ClientConnection): void {
  io.parsing = true;
  while (io.exchange === undefined && !io.closing && !io.closed && io.offset < io.text.length) {
    if (unsentBytes(io) > leastBound) flush(io);
    if (io.socket.writableLength > leastBound) {
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
    const wrong = findLineProblem(io.text, io.offset);
    if (wrong !== undefined) {
      refuse(io, wrong.status, wrong.problem);
      return true;
    }
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

/** Routes a request and starts it; its body, if there is one, is yet to come. */
export function beginRequest(io: ClientConnection, head: RequestHead): void {
  const active = io.thread.active;
  io.waiting = waitFor.nothing;
  io.deadline = Number.POSITIVE_INFINITY;
  if (io.rules !== undefined && !passesEntrance(io, head, io.rules)) return;
  const client = clientOf(io, head);
  const route = decideRoute(active.table, head.host, head.path, head, client.address) ?? noRoute;
  const backend = active.backends[route.index] ?? noBackend;
  const exchange = createExchange(io, head, route, backend, client, performance.now());
  io.exchange = exchange;
  if (active.instrument !== undefined) active.instrument(exchange);
  if (head.upgrade !== "") {
    offerUpgrade(exchange);
    if (exchange.done) return;
  }
  if (exchange.bodyEnded) {
    ask(exchange);
    return;
  }
  beginBody(io, exchange);
}

/** False: the listener itself has answered. */
function passesEntrance(io: ClientConnection, head: RequestHead, rules: EntranceRules): boolean {
  if (rules.onlyHost !== "" && rules.onlyHost !== head.host) {
    refuse(io, 421, "the connection was made to another name");
    return false;
  }
  // A certificate is renewed over plain HTTP, whatever else is sent elsewhere (RFC 8555 §8.3).
  if (rules.redirect === undefined || head.path.startsWith("/.well-known/acme-challenge/")) {
    return true;
  }
  const exchange = createExchange(io, head, noRoute, rules.redirect, io.peer, performance.now());
  io.exchange = exchange;
  ask(exchange);
  return false;
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
    putWhole(io, continueResponse);
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
export function refuse(io: ClientConnection, status: number, reason: string): void {
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

/** A head to parse into: the connection's own while it has one. */
export function takeHead(io: ClientConnection): RequestHead {
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
