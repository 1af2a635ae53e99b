/** How long an answer is fresh (RFC 9111 §4.2.1, §4.2.2), and how old it came (§4.2.3). */
import type { CachePolicy } from "./cache-policy.ts";
import { absent } from "./directives.ts";
import type { ResponseFacts } from "./response-facts.ts";

/** When the request left and when the head of its answer came, in milliseconds since 1970. */
export interface ExchangeTimes {
  readonly requestedAt: number;
  readonly receivedAt: number;
}

export interface Freshness {
  /** Never negative. */
  readonly lifetimeMs: number;
  readonly origin: "explicit" | "policy" | "heuristic" | "none";
}

const none: Freshness = { lifetimeMs: 0, origin: "none" };
const stale: Freshness = { lifetimeMs: 0, origin: "explicit" };

/** RFC 9110 §15.1: what may be guessed of. 206 is never stored here. */
const heuristicStatuses: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);
const negativeStatuses: ReadonlySet<number> = new Set([404, 405, 410, 501]);
/** RFC 9111 §4.2.2: "a typical setting of this fraction might be 10%". */
const heuristicFraction = 0.1;

/** @param mayGuess false where the answer may be meant for one person only, unless it says that it is public */
export function freshnessOf(
  status: number,
  facts: ResponseFacts,
  policy: CachePolicy,
  receivedAt: number,
  mayGuess: boolean,
): Freshness {
  const { sharedMaxAge, maxAge, isPublic, noCache } = facts.directives;
  if (sharedMaxAge !== absent) return explicit(sharedMaxAge * 1000);
  if (maxAge !== absent) return explicit(maxAge * 1000);
  const { dateMs = receivedAt, expiresMs, lastModifiedMs, isTargeted } = facts;
  if (expiresMs !== undefined && !isTargeted) return explicit(expiresMs - dateMs);
  const isHeuristic = heuristicStatuses.has(status);
  const isStorable = isHeuristic || isPublic; // RFC 9111 §3, its last condition
  if (noCache) return isStorable ? stale : none;
  const routeMs = isHeuristic ? routeLifetime(status, policy) : 0;
  if (routeMs > 0) return { lifetimeMs: routeMs, origin: "policy" };
  if (policy.mode === "force") return none;
  if (lastModifiedMs === undefined || !isStorable || !(mayGuess || isPublic)) return none;
  const guess = Math.min((dateMs - lastModifiedMs) * heuristicFraction, policy.maxHeuristicMs);
  return guess > 0 ? { lifetimeMs: Math.floor(guess), origin: "heuristic" } : none;
}

/** What the route says of answers that say nothing themselves. */
function routeLifetime(status: number, { mode, ttlMs, negativeTtlMs }: CachePolicy): number {
  if (negativeStatuses.has(status)) return negativeTtlMs;
  return mode === "force" ? ttlMs : 0;
}

/** RFC 9111 §4.2.1: what cannot be read is stale. */
function explicit(lifetimeMs: number): Freshness {
  return lifetimeMs > 0 ? { lifetimeMs, origin: "explicit" } : stale;
}

/** The age an answer had when it came (corrected_initial_age), in milliseconds. */
export function initialAge(facts: ResponseFacts, times: ExchangeTimes): number {
  const { requestedAt, receivedAt } = times;
  const apparentAge = Math.max(0, receivedAt - (facts.dateMs ?? receivedAt));
  const correctedAge = facts.age * 1000 + Math.max(0, receivedAt - requestedAt);
  return Math.max(apparentAge, correctedAge);
}
