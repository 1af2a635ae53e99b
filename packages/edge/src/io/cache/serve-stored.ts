/**
 * A stored answer to a client: whole, a part of it, or that it has not changed (RFC 9111 §4.3.2,
 * RFC 9110 §13, §14). HEAD gets the head of a GET.
 */
import {
  decideAnswer,
  formatNotModifiedFields,
  formatPartFields,
  plainRequest,
  type RequestFacts,
} from "@stack/cache";
import { headerValue, reasonOf } from "@stack/protocols";
import { type CacheOutcome, outcomes } from "../../core/cache/outcomes.ts";
import { joinParts, planMultipart } from "../../core/static/multipart.ts";
import type { ClientExchange } from "../client/client-state.ts";
import { routeSlotOf } from "../client/route-slot.ts";
import type { CachedRoute } from "./cached-route.ts";
import { formFor, type HotEntry, hitFields, hitStatus, prepareHit } from "./hot-entry.ts";

export function serveStored(
  exchange: ClientExchange,
  entry: HotEntry,
  facts: RequestFacts,
  outcome: CacheOutcome,
  nowMs: number,
  route: CachedRoute,
): void {
  noteOutcome(exchange, outcome);
  const { answer } = entry;
  const isPlain = facts === plainRequest || !hasSelection(facts);
  if (!isPlain && serveSelection(exchange, entry, facts, outcome, nowMs, route)) return;
  const { compression, saysStatus } = route;
  const form = entry.isCodable
    ? formFor(entry, headerValue(exchange.head, "accept-encoding"), compression)
    : entry.plain;
  if (outcome === outcomes.hit) {
    const prepared = prepareHit(form, answer, nowMs, saysStatus);
    if (prepared !== undefined) {
      exchange.answerPrepared(prepared);
      return;
    }
  }
  const fields = hitFields(form.fields, answer, nowMs, outcome, saysStatus);
  const { status, reason } = answer;
  exchange.neverSpilled = true; // it is in memory
  exchange.begin(status, reason, fields, form.body.length, true);
  exchange.write(form.body);
  exchange.end();
}

export function noteOutcome(exchange: ClientExchange, outcome: CacheOutcome): void {
  exchange.cacheOutcome = outcome;
  exchange.io.thread.cacheMetrics(routeSlotOf(exchange), outcome);
}

function hasSelection({ range, ifNoneMatch, ifModifiedSince }: RequestFacts): boolean {
  return range !== undefined || ifNoneMatch !== undefined || ifModifiedSince !== undefined;
}

/** False: it is the whole that is wanted. */
function serveSelection(
  exchange: ClientExchange,
  entry: HotEntry,
  facts: RequestFacts,
  outcome: CacheOutcome,
  nowMs: number,
  { saysStatus, boundary }: CachedRoute,
): boolean {
  const { answer, plain } = entry;
  const { body } = plain;
  const decision = decideAnswer(exchange.head.method, facts, answer, body.length, nowMs);
  const status = saysStatus ? hitStatus(answer, nowMs, outcome) : "";
  switch (decision.kind) {
    case "whole":
      return false;
    case "not-modified": {
      const fields = formatNotModifiedFields({ ...answer, fields: plain.fields }, nowMs);
      exchange.begin(304, reasonOf(304), fields + status, -1, true);
      exchange.end();
      return true;
    }
    case "unsatisfiable": {
      const fields = formatPartFields(answer, nowMs, undefined, body.length);
      exchange.answer(416, reasonOf(416), fields + status, "");
      return true;
    }
    case "part": {
      const fields = formatPartFields(answer, nowMs, decision, body.length);
      const part = body.subarray(decision.first, decision.last + 1);
      exchange.answer(206, reasonOf(206), fields + status, part);
      return true;
    }
    case "parts": {
      const type = /^content-type:[ \t]*([^\r\n]*)/im.exec(answer.fields)?.[1] ?? "";
      const plan = planMultipart(decision.parts, type, body.length, boundary);
      const others = answer.fields.replace(/^content-type:[^\r\n]*\r\n/gim, "");
      const fields = hitFields(others, answer, nowMs, outcome, saysStatus);
      exchange.answer(206, reasonOf(206), plan.typeLine + fields, joinParts(plan, body));
      return true;
    }
  }
}
