/**
 * Asks the app for an answer that is to be kept, and decides about it when it comes: it is for all
 * that wait, or for the one that caused it; what is stored still holds (304), or stands in for an
 * error. The request outlives its client. Incomplete answers are never stored.
 */
import {
  decideOnError,
  decideServe,
  decideStore,
  matchesRequest,
  plainRequest,
  readRequestFacts,
  type StoredAnswer,
  updateStored,
} from "@stack/cache";
import { copyRequestHead, editHeadLines, type RequestHead } from "@stack/protocols";
import {
  cookiesOf,
  withoutEncodingVary,
  withoutTags,
  withoutVary,
} from "../../core/cache/answer-fields.ts";
import { type CacheOutcome, outcomes } from "../../core/cache/outcomes.ts";
import { addFields } from "../client/answer-edits.ts";
import { isClientReader } from "./client-reader.ts";
import type { Fill, FillReader, FillSource } from "./fill.ts";
import { createFillExchange, type FillExchange } from "./fill-exchange.ts";
import { freshenByHead } from "./freshen-by-head.ts";
import type { HotEntry } from "./hot-entry.ts";
import { joinPieces } from "./join-pieces.ts";
import type { FillOrder } from "./run-fill.ts";

/** How long nobody waits for an answer to a key whose last one was not for everybody. */
const markedSeconds = 10;
const markedErrorSeconds = 1;

export interface AppQuestion {
  readonly order: FillOrder;
  /** A copy of the request's, without what the app is not to see of it. */
  readonly original: RequestHead;
  readonly fill: Fill;
  /** Of the request that caused it; undefined for one in the background. */
  readonly first: FillReader | undefined;
  /** What is stored, by now. */
  readonly stale: HotEntry | undefined;
  /** It is over, in whatever way; may be said more than once. */
  readonly onOver: () => void;
}

export interface AppFill {
  /** @param conditions header lines that ask whether what is stored still holds; "" for a whole answer */
  readonly send: (conditions: string) => void;
  /** Its readers have room again. */
  readonly resume: () => void;
  /** Nobody reads any more. */
  readonly onDeserted: () => void;
}

export function prepareAppFill(question: AppQuestion): AppFill {
  const { order, original, fill, first, stale } = question;
  const { exchange, route, forward } = order;
  const { desk, rules } = route;
  const { policy } = rules;
  const { thread } = exchange.io;
  // What the app has not seen says nothing about its answer.
  const facts = rules.trim === undefined ? order.facts : readRequestFacts(original);
  let sentConditions = "";
  let sent: FillExchange | undefined;
  let requestedAt = 0;
  let answer: StoredAnswer | undefined;
  let isUnchanged = false;
  let standsIn = false;
  let accounted = 0;

  const now = (): number => thread.timeOrigin + performance.now();
  const account = (bytes: number): void => {
    thread.budget.add(bytes - accounted);
    accounted = bytes;
  };
  const over = (): void => {
    account(0);
    question.onOver();
  };

  function send(conditions: string): void {
    sentConditions = conditions;
    requestedAt = now();
    const head = copyRequestHead(original);
    trimHead(head, conditions);
    sent = createFillExchange(exchange, head, {
      onInform(...answer) {
        if (first !== undefined && !exchange.begun) exchange.inform(...answer); // to whom it was said
      },
      onBegin,
      onWrite,
      onEnd,
      onFail,
      hasStandIn,
    });
    route.inner.handle(sent.exchange);
  }

  function trimHead(head: RequestHead, conditions: string): void {
    const removed = new Set(forward.removes ?? []);
    if (route.compression !== undefined) removed.add("accept-encoding");
    if (removed.size > 0 || conditions !== "") editHeadLines(head, removed, conditions);
  }

  function sourceOf(): FillSource {
    if (sent === undefined) return { servedBy: "", app: "", queueMs: 0, release: "" };
    const { servedBy, app, queueMs, times } = sent.exchange;
    return { servedBy, app, queueMs, release: times.release };
  }

  function onBegin(
    status: number,
    reason: string,
    written: string,
    length: number,
    hasDate: boolean | undefined,
  ): void {
    const receivedAt = now();
    const times = { requestedAt: Math.floor(requestedAt), receivedAt: Math.floor(receivedAt) };
    const fields = unvaried(written);
    const response = { status, reason, fields, length };
    if (original.method === "HEAD" && stale !== undefined) {
      const { baseKey } = order;
      freshenByHead({ route, baseKey, head: original, stored: stale }, response, times);
    }
    if (status === 304 && sentConditions !== "" && stale !== undefined) {
      const updated = updateStored(stale.answer, response, policy, times);
      isUnchanged = true;
      if (updated === undefined) return;
      if (!exchange.done && first !== undefined) addFields(exchange, cookiesOf(fields));
      renew(stale, updated);
      return;
    }
    if (
      stale !== undefined &&
      decideOnError(stale.answer, status, receivedAt, policy, route.isDown())
    ) {
      standsIn = true;
      fill.end({ entry: stale, outcome: outcomes.staleError });
      return;
    }
    const { release } = sourceOf();
    const decision = decideStore(
      { method: original.method, head: original, facts, release },
      response,
      policy,
      times,
    );
    const isStored = decision.store && sent?.hasOrders() === false; // what it may send is this client's
    if (isStored) answer = { ...decision.answer, fields: withoutTags(decision.answer.fields) };
    noteStorable(status, isStored);
    fill.begin(
      {
        status,
        reason,
        fields: withoutTags(fields),
        length,
        hasDate,
        answer,
        refusal: decision.store ? "" : decision.reason,
      },
      sourceOf(),
      (reader) => reader === first || suits(reader),
    );
  }

  /** Whether the answer is for another reader as well. */
  function suits(reader: FillReader): boolean {
    if (answer === undefined) return false;
    if (answer.vary.length === 0 || !isClientReader(reader)) return true;
    return matchesRequest(answer, reader.exchange.head);
  }

  /** By what the app was not told an answer does not vary. */
  function unvaried(fields: string): string {
    if (rules.trim !== undefined) return withoutVary(fields);
    return route.compression === undefined ? fields : withoutEncodingVary(fields);
  }

  function noteStorable(status: number, isStored: boolean): void {
    const { table } = desk;
    if (!forward.mayCollapse) return; // it says nothing of the answers to others
    if (isStored) table.unmark(order.key);
    else {
      const seconds = status >= 500 ? markedErrorSeconds : markedSeconds;
      table.mark(order.key, Math.ceil(now() / 1_000) + seconds);
    }
  }

  /** RFC 9111 §4.3.4: the stored answer, freshened. */
  function renew(old: HotEntry, updated: StoredAnswer): void {
    const clean = { ...updated, fields: withoutTags(updated.fields) };
    const entry = keep(clean, old.plain.body);
    fill.end({ entry, outcome: outcomes.revalidated });
  }

  function keep(kept: StoredAnswer, body: Buffer): HotEntry {
    const { compression } = route;
    return desk.keep(order.baseKey, original, kept, body, requestedAt, policy, compression);
  }

  function onWrite(bytes: Buffer | string): boolean {
    if (isUnchanged || standsIn) return true;
    const hasRoom = fill.add(bytes);
    if (answer === undefined) return hasRoom;
    account(fill.bytes());
    if (fill.bytes() <= policy.maxBodyBytes && !thread.budget.isExhausted()) return true;
    answer = undefined;
    account(0);
    noteStorable(0, false);
    fill.giveUpKeeping();
    return fill.phase() !== "begun" || hasRoom;
  }

  function onEnd(): void {
    if (isUnchanged && fill.phase() === "waiting") {
      // It spoke of another version than the stored one: all of it is needed.
      isUnchanged = false;
      send("");
      return;
    }
    if (answer === undefined) fill.end(undefined);
    else {
      fill.end({ entry: keep(answer, joinPieces(fill.pieces())), outcome: undefined });
    }
    over();
  }

  /** The app went down after the request was sent: what the next one will get is there for it too. */
  function hasStandIn(): boolean {
    if (fill.phase() !== "waiting" || stale === undefined || !route.isDown()) return false;
    const wanted = rules.trim === undefined ? facts : plainRequest;
    const context = { method: original.method, appIsDown: true, hasVariants: false };
    return decideServe(wanted, stale.answer, now(), policy, context).kind === "hit";
  }

  function outcomeInPlace(): CacheOutcome | undefined {
    if (hasStandIn()) return outcomes.staleDown;
    if (fill.phase() !== "waiting" || stale === undefined) return undefined;
    const standsIn = decideOnError(stale.answer, "unreachable", now(), policy, route.isDown());
    return standsIn ? outcomes.staleError : undefined;
  }

  function onFail(status: number, reason: string, retryAfterS: number | undefined): void {
    answer = undefined;
    const outcome = outcomeInPlace();
    if (outcome !== undefined && stale !== undefined) {
      fill.end({ entry: stale, outcome });
      over();
      return;
    }
    over(); // first: whoever looks again may fetch it
    // The worker died: one of those that wait asks again. What is busy or slow is so for all.
    const only = status === 502 ? first : undefined;
    fill.fail({ status, reason, retryAfterS }, sourceOf(), only);
  }

  return {
    send,
    resume: () => sent?.resume(),
    onDeserted() {
      // What is to be stored is worth having without anybody who waits.
      if (answer !== undefined || isUnchanged || standsIn || fill.phase() === "waiting") return;
      over();
      // Not within a callback of whoever answers.
      process.nextTick(() => sent?.giveUp());
    },
  };
}
