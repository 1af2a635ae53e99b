/**
 * Whether an answer may be stored, and as what (RFC 9111 §3). Called once per answer, when its head
 * has come; everything a hit needs is worked out here.
 */
import { formatHttpDate, type HeadLines } from "@stack/protocols";
import type { CachePolicy } from "./cache-policy.ts";
import { absent, type Directives, invalid } from "./directives.ts";
import { type ExchangeTimes, type Freshness, freshnessOf, initialAge } from "./freshness.ts";
import type { RequestFacts } from "./request-facts.ts";
import { type CacheResponse, type ResponseFacts, readResponseFacts } from "./response-facts.ts";
import type { StoredAnswer } from "./stored-answer.ts";
import { storedFields } from "./stored-fields.ts";
import { understoodStatuses } from "./understood-statuses.ts";
import { maxVaryNames, parseVary, selectingValues } from "./vary.ts";

/** What was asked. */
export interface StoreRequest {
  readonly method: string;
  readonly head: HeadLines;
  readonly facts: RequestFacts;
  /** Of the app that answers; "" where unknown. */
  readonly release: string;
}

export type StoreDecision =
  | { readonly store: true; readonly answer: StoredAnswer }
  | { readonly store: false; readonly reason: NoStoreReason };

/** For Cache-Status, metrics and `stack explain`. */
export type NoStoreReason =
  | "method"
  | "status"
  | "partial"
  | "no-store"
  | "private"
  | "authorization"
  | "set-cookie"
  | "vary"
  | "no-freshness"
  | "too-large"
  | "request-no-store";

export function decideStore(
  request: StoreRequest,
  response: CacheResponse,
  policy: CachePolicy,
  times: ExchangeTimes,
): StoreDecision {
  const facts = readResponseFacts(response.fields, times.receivedAt);
  const { directives } = facts;
  const refusal = refusalOf(request, response, facts, policy);
  if (refusal !== undefined) return { store: false, reason: refusal };
  const vary = parseVary(facts.vary);
  if (vary === "*" || vary.length > maxVaryNames) return { store: false, reason: "vary" };
  const { hasCookie, hasAuthorization } = request.facts;
  const mayGuess = !hasCookie && !hasAuthorization;
  const freshness = freshnessOf(response.status, facts, policy, times.receivedAt, mayGuess);
  const { noCacheFields, privateFields } = directives;
  const fields = storedFields(
    response.fields,
    facts.connectionFields,
    noCacheFields,
    privateFields,
  );
  const selectedBy = selectingValues(request.head, vary);
  const answer = createAnswer(response, fields, facts, freshness, times, {
    vary,
    selectedBy,
    release: request.release,
  });
  return isOfUse(answer, freshness, policy)
    ? { store: true, answer }
    : { store: false, reason: "no-freshness" };
}

/** What a 304 does not change: which requests the answer is for, and who made it. */
export type Selection = Pick<StoredAnswer, "vary" | "selectedBy" | "release">;

export function createAnswer(
  { status, reason }: Pick<CacheResponse, "status" | "reason">,
  fields: string,
  facts: ResponseFacts,
  { lifetimeMs }: Freshness,
  times: ExchangeTimes,
  { vary, selectedBy, release }: Selection,
): StoredAnswer {
  const { directives } = facts;
  const { receivedAt } = times;
  const bornAt = receivedAt - initialAge(facts, times);
  return {
    kind: "answer",
    status,
    reason,
    // RFC 9110 §6.6.1: an answer without a Date gets one when it is cached
    fields: facts.hasDate ? fields : `${fields}Date: ${formatHttpDate(receivedAt)}\r\n`,
    receivedAt,
    bornAt,
    freshUntil: bornAt + lifetimeMs,
    alwaysValidate: directives.noCache,
    neverStale: forbidsStale(directives),
    staleWhileRevalidateMs: milliseconds(directives.staleWhileRevalidate),
    staleIfErrorMs: milliseconds(directives.staleIfError),
    etag: facts.etag,
    lastModified: facts.lastModifiedMs === undefined ? "" : facts.lastModified,
    modifiedAt: facts.lastModifiedMs ?? facts.dateMs ?? receivedAt,
    vary,
    selectedBy,
    tags: facts.tags,
    release,
  };
}

function refusalOf(
  request: StoreRequest,
  response: CacheResponse,
  facts: ResponseFacts,
  policy: CachePolicy,
): NoStoreReason | undefined {
  const { directives } = facts;
  if (request.method !== "GET") return "method";
  const { status } = response;
  if (status === 206) return "partial";
  if (status < 200 || status === 304) return "status";
  if (policy.obeyClient && request.facts.noStore) return "request-no-store";
  const understood = understoodStatuses.has(status);
  // RFC 9111 §5.2.2.3: with must-understand, no-store is for caches that do not know the status
  if (directives.mustUnderstand ? !understood : directives.noStore) return "no-store";
  if (directives.isPrivate) return "private";
  if (request.facts.hasAuthorization && !allowsAuthorized(directives)) return "authorization";
  if (facts.setsCookie && !policy.storeSetCookie && !leavesOutCookies(directives)) {
    return "set-cookie";
  }
  return response.length > policy.maxBodyBytes ? "too-large" : undefined;
}

/** RFC 9111 §3.5. */
function allowsAuthorized({ isPublic, mustRevalidate, sharedMaxAge }: Directives): boolean {
  return isPublic || mustRevalidate || sharedMaxAge >= 0;
}

function leavesOutCookies({ noCacheFields, privateFields }: Directives): boolean {
  return (
    noCacheFields?.includes("set-cookie") === true || privateFields?.includes("set-cookie") === true
  );
}

/**
 * RFC 9111 §4.2.4. s-maxage means proxy-revalidate (§5.2.2.10), unless the same answer says how
 * stale it may be served: then that is the more particular word.
 */
function forbidsStale(directives: Directives): boolean {
  const { noCache, mustRevalidate, proxyRevalidate, sharedMaxAge } = directives;
  if (noCache || mustRevalidate || proxyRevalidate) return true;
  const { staleWhileRevalidate, staleIfError } = directives;
  return sharedMaxAge !== absent && staleWhileRevalidate <= 0 && staleIfError <= 0;
}

/** Fresh now, or able to be validated, or of use while stale. */
function isOfUse(answer: StoredAnswer, freshness: Freshness, policy: CachePolicy): boolean {
  if (freshness.origin === "none") return false;
  const { freshUntil, receivedAt, alwaysValidate, etag, lastModified } = answer;
  if (etag !== "" || lastModified !== "") return true;
  if (alwaysValidate) return false;
  return freshUntil + staleWindow(answer, policy) > receivedAt;
}

/** How long past its freshness an answer may be served at all. */
export function staleWindow(answer: StoredAnswer, policy: CachePolicy): number {
  if (answer.neverStale) return 0;
  return Math.max(
    staleWhileRevalidateOf(answer, policy),
    staleIfErrorOf(answer, policy),
    policy.staleWhileDownMs,
  );
}

export function staleWhileRevalidateOf(answer: StoredAnswer, policy: CachePolicy): number {
  const { staleWhileRevalidateMs } = answer;
  return staleWhileRevalidateMs === absent ? policy.staleWhileRevalidateMs : staleWhileRevalidateMs;
}

export function staleIfErrorOf(answer: StoredAnswer, policy: CachePolicy): number {
  const { staleIfErrorMs } = answer;
  return staleIfErrorMs === absent ? policy.staleIfErrorMs : staleIfErrorMs;
}

/** What cannot be read is as if it were not there. */
function milliseconds(seconds: number): number {
  return seconds === absent || seconds === invalid ? absent : seconds * 1000;
}
