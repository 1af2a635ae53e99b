/**
 * Brings an answer for all that wait for it: from the second level, where somebody else has put it there, or
 * else from the app (`fill-from-app.ts`).
 */
import { decideServe, type Forward, plainRequest, type RequestFacts } from "@stack/cache";
import { copyRequestHead, headerValue } from "@stack/protocols";
import { hitOutcome } from "../../core/cache/outcomes.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { CachedRoute } from "./cached-route.ts";
import { createFill, type Fill, type FillReader } from "./fill.ts";
import { type AppFill, prepareAppFill } from "./fill-from-app.ts";
import { fetchForm, type HotEntry } from "./hot-entry.ts";
import { lookUpShared } from "./look-up-shared.ts";

export interface FillOrder {
  /** The request that causes it. */
  readonly exchange: ClientExchange;
  readonly facts: RequestFacts;
  readonly forward: Forward;
  /** Without variants. */
  readonly baseKey: string;
  /** Under which others look for it. */
  readonly key: string;
  readonly stale: HotEntry | undefined;
  /** It is over, in whatever way: the key is free again. */
  readonly onOver: () => void;
  readonly route: CachedRoute;
}

/** The fill, before its request is sent: to be joined, then `start`ed. */
export interface RunningFill {
  readonly fill: Fill;
  /** @param first the reader of the request that caused it; undefined for one in the background */
  readonly start: (first: FillReader | undefined) => void;
}

export function prepareFill(order: FillOrder): RunningFill {
  const { exchange, route, forward } = order;
  const { desk, rules } = route;
  const { thread } = exchange.io;
  const acceptEncoding = headerValue(exchange.head, "accept-encoding");
  const original = copyRequestHead(exchange.head);
  rules.trim?.(original);
  let first: FillReader | undefined;
  let app: AppFill | undefined;
  let releaseLease = (): void => {};
  let isOver = false;

  const fill = createFill(order.key, {
    onResume: () => app?.resume(),
    onDeserted: () => app?.onDeserted(),
  });

  function start(by: FillReader | undefined): void {
    first = by;
    // An answer that nobody may share is not looked for anywhere.
    const isAlone = desk.store.name === "none" || !forward.mayCollapse;
    if (isAlone) ask(forward.conditions, order.stale);
    else void lookUp();
  }

  function ask(conditions: string, stale: HotEntry | undefined): void {
    app = prepareAppFill({ order, original, fill, first, stale, onOver });
    app.send(conditions);
  }

  /** Never rejects: a store that does not answer has nothing. */
  async function lookUp(): Promise<void> {
    const { baseKey, key, stale } = order;
    const { compression } = route;
    const now = (): number => thread.timeOrigin + performance.now();
    const question = { desk, baseKey, key, head: original, compression, now, stale };
    const found = await lookUpShared(question).catch(() => undefined);
    if (found === undefined) {
      ask(forward.conditions, stale);
      return;
    }
    releaseLease = found.release;
    if (found.entry === undefined || route.isOutdated(found.entry.answer)) {
      ask(forward.conditions, stale);
      return;
    }
    const { answer: known } = found.entry;
    const context = { method: "GET", appIsDown: route.isDown(), hasVariants: false };
    const decision = decideServe(plainRequest, known, now(), rules.policy, context);
    if (decision.kind === "hit") {
      await fetchForm(found.entry, acceptEncoding, compression, desk.codedBodies);
      fill.end({ entry: found.entry, outcome: hitOutcome(decision) });
      onOver();
      return;
    }
    ask(decision.kind === "forward" ? decision.conditions : "", found.entry);
  }

  function onOver(): void {
    if (isOver) return;
    isOver = true;
    releaseLease();
    order.onOver();
  }

  return { fill, start };
}
