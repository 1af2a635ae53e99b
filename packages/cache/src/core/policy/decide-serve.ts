/**
 * What to do with a request, given what is stored for it (RFC 9111 §4): answer from the store, ask
 * the app whether it still holds, or ask for all of it. First `decideLookup`, which needs no store;
 * then `decideServe` with what was found. Pure: time is an argument; a hit allocates nothing.
 */
import type { CachePolicy } from "./cache-policy.ts";
import { staleWhileRevalidateOf } from "./decide-store.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { StoredAnswer } from "./stored-answer.ts";

/** Why a request goes to the app: the `fwd` of RFC 9211 §2.2. */
export type ForwardReason =
  | "bypass"
  | "method"
  | "uri-miss"
  | "vary-miss"
  | "request"
  | "stale"
  | "partial";

export interface Hit {
  readonly kind: "hit";
  /** Past its freshness, and served all the same. */
  readonly stale: boolean;
  /** Have it validated, behind the client's back. */
  readonly refresh: boolean;
  /** One word more for Cache-Status; "" for none. */
  readonly detail: "" | "stale-while-revalidate" | "max-stale" | "app-down";
}

export interface Forward {
  readonly kind: "forward";
  readonly reason: ForwardReason;
  /** Whether the answer is to be looked at by `decideStore`. */
  readonly mayStore: boolean;
  /** Whether other requests for the same key may wait for this one's answer. */
  readonly mayCollapse: boolean;
  /** Fields of the client's that must not reach the app, in lower case: the cache answers them itself. */
  readonly removes: ReadonlySet<string> | null;
  /** `Name: value\r\n` lines to add: they make the app say 304 while the stored answer holds. */
  readonly conditions: string;
}

/** only-if-cached, and nothing that would do: 504 (RFC 9111 §5.2.1.7). */
export interface Unavailable {
  readonly kind: "unavailable";
}

export type ServeDecision = Hit | Forward | Unavailable;

const fresh: Hit = { kind: "hit", stale: false, refresh: false, detail: "" };
const whileRevalidate: Hit = {
  kind: "hit",
  stale: true,
  refresh: true,
  detail: "stale-while-revalidate",
};
const staleAllowed: Hit = { kind: "hit", stale: true, refresh: false, detail: "max-stale" };
const whileDown: Hit = { kind: "hit", stale: true, refresh: false, detail: "app-down" };
const unavailable: Unavailable = { kind: "unavailable" };

const byMethod = plainForward("method", false);
const byBypass = plainForward("bypass", false);
const byRequest = plainForward("request", false);

/** Conditions and ranges of the client: answered from what comes back, so that all of it is fetched. */
const ownConditions: ReadonlySet<string> = new Set(["if-none-match", "if-modified-since"]);
const ownSelections: ReadonlySet<string> = new Set([...ownConditions, "range", "if-range"]);

/**
 * Before the store is asked: undefined where it should be.
 *
 * @param bypassed by a rule of the route (a cookie, a field)
 */
export function decideLookup(
  method: string,
  facts: RequestFacts,
  policy: CachePolicy,
  bypassed: boolean,
): Forward | undefined {
  if (method !== "GET" && method !== "HEAD") return byMethod;
  if (bypassed) return byBypass;
  if (policy.obeyClient && facts.noStore) return byRequest;
  if (facts.ifMatch !== undefined || facts.ifUnmodifiedSince !== undefined) return byRequest;
  return undefined;
}

/** What is known beside the request and the store. */
export interface ServeContext {
  readonly method: string;
  /** The supervisor says that the app cannot answer now. */
  readonly appIsDown: boolean;
  /** Under the key there are variants, and none suits. */
  readonly hasVariants: boolean;
}

/** @param answer the one that suits the request; undefined where nothing does */
export function decideServe(
  facts: RequestFacts,
  answer: StoredAnswer | undefined,
  nowMs: number,
  policy: CachePolicy,
  context: ServeContext,
): ServeDecision {
  if (answer === undefined) return decideMiss(facts, policy, context);
  const staleMs = nowMs - answer.freshUntil;
  const isRefused = policy.obeyClient && refuses(facts, answer, nowMs);
  if (staleMs < 0 && !answer.alwaysValidate && !isRefused) return fresh;
  if (!isRefused && !answer.neverStale) {
    const hit = decideStale(facts, answer, staleMs, policy, context.appIsDown);
    if (hit !== undefined) return hit;
  }
  if (policy.obeyClient && facts.onlyIfCached) return unavailable;
  return validate(answer, isRefused ? "request" : "stale", context.method);
}

function decideMiss(
  facts: RequestFacts,
  policy: CachePolicy,
  context: ServeContext,
): ServeDecision {
  if (policy.obeyClient && facts.onlyIfCached) return unavailable;
  const isWhole = context.method === "GET" && facts.range === undefined;
  const hasConditions = facts.ifNoneMatch !== undefined || facts.ifModifiedSince !== undefined;
  return {
    kind: "forward",
    reason: context.hasVariants ? "vary-miss" : "uri-miss",
    mayStore: isWhole,
    mayCollapse: isWhole && !facts.hasAuthorization,
    removes: isWhole && hasConditions ? ownConditions : null,
    conditions: "",
  };
}

/** Whether the client asks for something fresher than this (RFC 9111 §5.2.1). */
function refuses(facts: RequestFacts, answer: StoredAnswer, nowMs: number): boolean {
  if (facts.noCache) return true;
  const { maxAge, minFresh } = facts;
  if (maxAge >= 0 && (maxAge === 0 || nowMs - answer.bornAt > maxAge * 1000)) return true;
  return minFresh >= 0 && answer.freshUntil - nowMs < minFresh * 1000;
}

function decideStale(
  facts: RequestFacts,
  answer: StoredAnswer,
  staleMs: number,
  policy: CachePolicy,
  appIsDown: boolean,
): Hit | undefined {
  if (policy.obeyClient && facts.maxStale >= 0 && staleMs <= facts.maxStale * 1000) {
    return staleAllowed;
  }
  if (staleMs < staleWhileRevalidateOf(answer, policy)) {
    return appIsDown ? whileDown : whileRevalidate;
  }
  return appIsDown && staleMs < policy.staleWhileDownMs ? whileDown : undefined;
}

/** RFC 9111 §4.3.1. HEAD is passed on as it is: its answer has no body to store (but see `decideHead`). */
function validate(answer: StoredAnswer, reason: "request" | "stale", method: string): Forward {
  const isGet = method === "GET";
  let conditions = "";
  if (isGet && answer.etag !== "") conditions = `If-None-Match: ${answer.etag}\r\n`;
  if (isGet && answer.lastModified !== "") {
    conditions += `If-Modified-Since: ${answer.lastModified}\r\n`;
  }
  return {
    kind: "forward",
    reason,
    mayStore: isGet,
    mayCollapse: isGet && reason === "stale",
    removes: isGet ? ownSelections : null,
    conditions,
  };
}

function plainForward(reason: ForwardReason, mayStore: boolean): Forward {
  return {
    kind: "forward",
    reason,
    mayStore,
    mayCollapse: false,
    removes: null,
    conditions: "",
  };
}

/** The conditions to fetch a stored answer anew for nobody's request (stale-while-revalidate). */
export function refreshForward(answer: StoredAnswer): Forward {
  return validate(answer, "stale", "GET");
}
