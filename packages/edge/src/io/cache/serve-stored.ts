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
import {
  type AnswerForm,
  formFor,
  type HotEntry,
  hitFields,
  hitStatus,
  prepareHit,
} from "./hot-entry.ts";

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
  const { compression, saysStatus, desk } = route;
  const form = entry.isCodable
    ? formFor(
        entry,
        headerValue(exchange.head, "accept-encoding"),
        compression,
        desk.codedBodies,
        nowMs,
      )
    : entry.plain;
  const isPlain = facts === plainRequest || !hasSelection(facts);
  if (!isPlain && serveSelection(exchange, entry, form, facts, outcome, nowMs, route)) return;
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

/**
 * False: it is the whole that is wanted. Parts are cut from the body as it is, never from a coding.
 *
 * @param form that the whole would have
 */
function serveSelection(
  exchange: ClientExchange,
  { answer, plain: { body } }: HotEntry,
  form: AnswerForm,
  facts: RequestFacts,
  outcome: CacheOutcome,
  nowMs: number,
  { saysStatus, boundary }: CachedRoute,
): boolean {
  const decision = decideAnswer(exchange.head.method, facts, answer, body.length, nowMs);
  const status = saysStatus ? hitStatus(answer, nowMs, outcome) : "";
  switch (decision.kind) {
    case "whole":
      return false;
    case "not-modified": {
      // RFC 9110 §15.4.5: the ETag and Vary that the whole answer would have
      const fields = formatNotModifiedFields({ ...answer, fields: form.fields }, nowMs);
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
