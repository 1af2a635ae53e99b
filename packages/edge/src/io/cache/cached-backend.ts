/**
 * Stands between a route with `cache` and its app or upstream: answers from memory, joins an answer
 * that is on its way, or asks for one. What is not cacheable passes with nothing in its way.
 */
import {
  decideInvalidations,
  decideLookup,
  decideServe,
  type Forward,
  type Hit,
  isSafeMethod,
  plainRequest,
  type RequestFacts,
  readRequestFacts,
  refreshForward,
} from "@stack/cache";
import { withoutTags } from "../../core/cache/answer-fields.ts";
import { noCell } from "../../core/cache/fill-table.ts";
import { type CacheOutcome, hitOutcome, outcomes } from "../../core/cache/outcomes.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend, Exchange } from "../exchange.ts";
import type { Lookup } from "./cache-desk.ts";
import type { CachedRoute } from "./cached-route.ts";
import { type ClientReader, createClientReader } from "./client-reader.ts";
import type { Fill } from "./fill.ts";
import type { HotEntry } from "./hot-entry.ts";
import { type FillOrder, prepareFill, type RunningFill } from "./run-fill.ts";
import { noteOutcome, serveStored } from "./serve-stored.ts";

const gatewayTimeout = "nothing is stored that would do";

export function createCachedBackend(route: CachedRoute): Backend {
  const { rules, desk, inner } = route;
  const { policy } = rules;

  function handle(exchange: ClientExchange): void {
    const { head } = exchange;
    const { method } = head;
    if (!rules.answers(method) || exchange.bodyLength !== 0 || exchange.upgrade !== "") {
      pass(exchange, outcomes.bypassMethod);
      return;
    }
    const facts = readRequestFacts(head);
    const early = decideLookup(method, facts, policy, rules.isBypassed(head));
    if (early !== undefined) {
      pass(exchange, early.reason === "bypass" ? outcomes.bypassRule : outcomes.bypassRequest);
      return;
    }
    look(exchange, facts, 0);
  }

  /** @param attempts how often it has waited for an answer that did not come */
  function look(exchange: ClientExchange, facts: RequestFacts, attempts: number): void {
    const { head } = exchange;
    const { method } = head;
    const nowMs = exchange.io.thread.timeOrigin + performance.now();
    const key = rules.keyOf(head, exchange.client.scheme);
    const stored = desk.find(key, head, nowMs, route.compression);
    const isOutdated = stored.entry !== undefined && route.isOutdated(stored.entry.answer);
    const found = isOutdated ? { ...stored, entry: undefined } : stored;
    const decision = decideServe(seen(facts), found.entry?.answer, nowMs, policy, {
      method,
      appIsDown: route.isDown(),
      hasVariants: found.hasVariants,
    });
    switch (decision.kind) {
      case "hit":
        serveHit(exchange, found, key, facts, decision, nowMs);
        return;
      case "forward":
        fetch(
          {
            exchange,
            facts,
            forward: decision,
            baseKey: key,
            key: found.key,
            stale: found.entry,
            route,
            attempts,
          },
          found.hasVariants,
          nowMs,
        );
        return;
      case "unavailable":
        noteOutcome(exchange, outcomes.missRefused);
        exchange.fail(504, gatewayTimeout);
        return;
    }
  }

  /** In mode "force" the app gets nothing of it; what the client wants of an answer is cut from it. */
  function seen(facts: RequestFacts): RequestFacts {
    return rules.trim === undefined ? facts : plainRequest;
  }

  function serveHit(
    exchange: ClientExchange,
    { entry, key }: Lookup,
    baseKey: string,
    facts: RequestFacts,
    hit: Hit,
    nowMs: number,
  ): void {
    if (entry === undefined) return;
    if (hit.refresh) refresh(exchange, key, baseKey, facts, entry);
    serveStored(exchange, entry, facts, hitOutcome(hit), nowMs, route);
  }

  /** Once for all that are given the stale one meanwhile. */
  function refresh(
    exchange: ClientExchange,
    key: string,
    baseKey: string,
    facts: RequestFacts,
    stale: HotEntry,
  ): void {
    if (desk.fills.has(key)) return;
    const claim = desk.table.claim(key);
    if (claim.kind === "theirs") return;
    const forward = refreshForward(stale.answer);
    const order = { exchange, facts, forward, baseKey, key, stale, route, attempts: 0 };
    begin(order, claim.cell).start(undefined);
  }

  function fetch(order: Order, hasVariants: boolean, nowMs: number): void {
    const { exchange, forward, key, stale } = order;
    const outcome = hasVariants && stale === undefined ? outcomes.missVary : missOutcome(forward);
    if (!forward.mayStore) {
      // A HEAD may tell something of what is stored.
      if (rules.trim === undefined && stale === undefined) pass(exchange, outcome);
      else askAlone(order, outcome);
      return;
    }
    if (stale === undefined && desk.table.isMarked(key, nowMs / 1_000)) {
      askUnshared(order);
      return;
    }
    const known = forward.mayCollapse ? desk.fills.get(key) : undefined;
    if (known?.isOpen() === true) {
      read(order, known, outcomes.missJoined);
      return;
    }
    const claim = forward.mayCollapse ? desk.table.claim(key) : unshared;
    if (claim.kind === "theirs") {
      const borrowed = desk.peers.borrow(claim.thread, key);
      if (borrowed === undefined) askAlone(order, outcome);
      else read(order, borrowed, outcomes.missJoined);
      return;
    }
    if (claim.cell !== noCell && hasCome(order, nowMs)) {
      desk.table.release(claim.cell);
      look(exchange, order.facts, order.attempts + 1);
      return;
    }
    const running = begin(order, claim.cell);
    running.start(read(order, running.fill, outcome));
  }

  /** Another thread has kept it, and let the key go, between our look and our claim. */
  function hasCome({ exchange, baseKey, stale, attempts }: Order, nowMs: number): boolean {
    if (attempts >= mostAttempts) return false;
    const { entry } = desk.find(baseKey, exchange.head, nowMs, route.compression);
    return entry !== undefined && entry.storedAt > (stale?.storedAt ?? Number.NEGATIVE_INFINITY);
  }

  /** The last answer was not for everybody: nobody waits for this one, and it may well be stored. */
  function askUnshared(order: Order): void {
    const { exchange, facts } = order;
    const isPersonal = facts.hasCookie || facts.hasAuthorization;
    if (rules.trim === undefined && isPersonal) pass(exchange, outcomes.bypassUncacheable);
    else askAlone(order, outcomes.missUnknown);
  }

  function askAlone(order: Order, outcome: CacheOutcome): void {
    const alone = { ...order, forward: { ...order.forward, mayCollapse: false } };
    const running = begin(alone, unshared.cell);
    running.start(read(alone, running.fill, outcome));
  }

  /** @param cell of the table: given back when it is over */
  function begin(order: Order, cell: number): RunningFill {
    const { key } = order;
    const running = prepareFill({
      ...order,
      onOver() {
        desk.table.release(cell);
        if (desk.fills.get(key) === running.fill) desk.fills.delete(key);
      },
    });
    if (order.forward.mayCollapse && !desk.fills.has(key)) desk.fills.set(key, running.fill);
    return running;
  }

  function read(order: Order, fill: Fill, outcome: CacheOutcome): ClientReader {
    const { exchange, facts } = order;
    const reader = createClientReader(exchange, fill, facts, outcome, route, {
      onReleased: (isLost) => {
        const attempts = order.attempts + 1;
        if (isLost && attempts < mostAttempts) look(exchange, facts, attempts);
        else askUnshared(order);
      },
    });
    fill.join(reader);
    return reader;
  }

  /** To the app, past the cache; what it changes is not stored any more. */
  function pass(exchange: ClientExchange, outcome: CacheOutcome): void {
    noteOutcome(exchange, outcome);
    const { method } = exchange.head;
    const status = route.saysStatus ? `Cache-Status: stack; fwd=${outcome.forwarded}\r\n` : "";
    const uri = isSafeMethod(method) ? "" : uriOf(exchange);
    const before = exchange.editAnswer;
    exchange.editAnswer = (fields, of, code) => {
      if (uri !== "") invalidate(of, decideInvalidations(method, code, uri, fields));
      const edited = withoutTags(fields) + status;
      return before === undefined ? edited : before(edited, of, code);
    };
    route.compression?.offer(exchange);
    inner.handle(exchange);
  }

  function invalidate({ io }: ClientExchange, uris: readonly string[]): void {
    const nowMs = io.thread.timeOrigin + performance.now();
    for (const uri of uris) desk.purge({ kind: "url", url: rules.urlOf(uri) }, false, nowMs);
  }

  return {
    wantsBody: inner.wantsBody,
    handle: (exchange: Exchange) => handle(exchange as ClientExchange),
    retire: inner.retire,
  };
}

interface Order extends Omit<FillOrder, "onOver"> {
  readonly attempts: number;
}

const unshared = { kind: "mine", cell: noCell } as const;
/** Whoever waited for so many that came to nothing asks by itself. */
const mostAttempts = 3;

function missOutcome({ reason }: Forward): CacheOutcome {
  switch (reason) {
    case "stale":
      return outcomes.missExpired;
    case "request":
      return outcomes.missRequest;
    case "vary-miss":
      return outcomes.missVary;
    default:
      return outcomes.missUnknown;
  }
}

function uriOf({ head, client }: ClientExchange): string {
  const query = head.hasQuery ? `?${head.query}` : "";
  return `${client.scheme}://${head.authority}${head.path}${query}`;
}
