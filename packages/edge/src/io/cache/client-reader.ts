/** A client that reads an answer while it comes: the one that caused the request, or one that waits too. */
import {
  decideAnswer,
  formatCacheStatus,
  formatNotModifiedFields,
  type RequestFacts,
} from "@stack/cache";
import { reasonOf } from "@stack/protocols";
import { type CacheOutcome, outcomes } from "../../core/cache/outcomes.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { CachedRoute } from "./cached-route.ts";
import type { Fill, FillHead, FillReader } from "./fill.ts";
import { noteOutcome, serveStored } from "./serve-stored.ts";

export interface ClientReader extends FillReader {
  readonly exchange: ClientExchange;
}

export interface ReaderEvents {
  /** The answer is not for this client. */
  readonly onReleased: (isLost: boolean) => void;
}

export function isClientReader(reader: FillReader): reader is ClientReader {
  return "exchange" in reader;
}

export function createClientReader(
  exchange: ClientExchange,
  fill: Fill,
  facts: RequestFacts,
  outcome: CacheOutcome,
  route: CachedRoute,
  events: ReaderEvents,
): ClientReader {
  let next = 0;
  let isBlocked = false;
  let hasLeft = false;

  const leave = (): void => {
    if (hasLeft) return;
    hasLeft = true;
    fill.leave(reader);
  };

  const reader: ClientReader = {
    exchange,
    isBlocked: () => isBlocked,
    position: () => next,
    onNews() {
      if (exchange.done) return;
      if (fill.phase() === "failed") {
        fail();
        return;
      }
      const result = fill.result();
      if (!exchange.begun && result !== undefined) {
        noteSource();
        leave();
        serveStored(exchange, result.entry, facts, result.outcome ?? outcome, now(), route);
        return;
      }
      if (!exchange.begun) begin(fill.head() as FillHead);
      pump();
    },
    onReleased(isLost) {
      hasLeft = true;
      if (exchange.done) return;
      exchange.owner = undefined;
      events.onReleased(isLost);
    },
  };

  function fail(): void {
    hasLeft = true;
    noteSource();
    const { status, reason, retryAfterS } = fill.failure() ?? interrupted;
    if (!exchange.begun) noteOutcome(exchange, outcome);
    exchange.fail(status, reason, retryAfterS);
  }

  function begin(head: FillHead): void {
    const { answer, status, reason, length, hasDate } = head;
    // A part of what is not there yet: it is cut from the whole, if that is to be had.
    if (facts.range !== undefined && answer !== undefined && fill.isOpen()) return;
    noteSource();
    const nowMs = now();
    const isOwn = outcome !== outcomes.missJoined;
    const fields = isOwn || answer === undefined ? head.fields : answer.fields;
    if (answer !== undefined && isUnchanged(answer, length, nowMs)) {
      noteOutcome(exchange, outcome);
      leave();
      exchange.begin(304, reasonOf(304), formatNotModifiedFields(answer, nowMs) + say(head), -1);
      exchange.end();
      return;
    }
    noteOutcome(exchange, answer === undefined && isOwn ? outcomes.bypassUncacheable : outcome);
    if (answer !== undefined) exchange.neverSpilled = true; // its pieces are in memory anyway
    route.compression?.offer(exchange);
    exchange.begin(status, reason, fields + say(head), length, isOwn ? hasDate : true);
  }

  function isUnchanged(answer: NonNullable<FillHead["answer"]>, length: number, nowMs: number) {
    if (facts.ifNoneMatch === undefined && facts.ifModifiedSince === undefined) return false;
    const decision = decideAnswer(exchange.head.method, facts, answer, length, nowMs);
    return decision.kind === "not-modified";
  }

  function say({ answer, refusal }: FillHead): string {
    if (!route.saysStatus) return "";
    return formatCacheStatus({
      cache: "stack",
      hit: false,
      forward: outcome.forwarded === "" ? "uri-miss" : outcome.forwarded,
      stored: answer !== undefined,
      collapsed: outcome === outcomes.missJoined,
      detail: refusal,
    });
  }

  function pump(): void {
    while (!isBlocked && exchange.begun && !exchange.done) {
      const piece = fill.piece(next);
      if (piece === undefined) break;
      next += 1;
      if (!exchange.write(piece)) isBlocked = true;
    }
    if (!exchange.begun || exchange.done || fill.phase() !== "ended") return;
    // What was written is the connection's: whoever waits for its client needs the fill no more.
    if (fill.piece(next) !== undefined) return;
    leave();
    exchange.end();
  }

  function noteSource(): void {
    const { servedBy, app, queueMs, release } = fill.source();
    exchange.servedBy = servedBy;
    exchange.app = app;
    exchange.queueMs = queueMs;
    if (exchange.times !== undefined) exchange.times.release = release;
  }

  function now(): number {
    return exchange.io.thread.timeOrigin + performance.now();
  }

  exchange.owner = {
    onAbort: leave,
    onDrain() {
      isBlocked = false;
      pump();
      if (!hasLeft) fill.onRoom();
    },
    onBody: () => false,
    onBodyEnd: () => {},
  };
  return reader;
}

const interrupted = { status: 502, reason: "the answer broke off", retryAfterS: undefined };
