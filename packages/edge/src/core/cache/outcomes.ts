/** What the cache did with a request, and why: for metrics, access log and `Cache-Status`. */

import type { Hit } from "@stack/cache";

type CacheResult = "hit" | "stale" | "revalidated" | "miss" | "bypass";

export interface CacheOutcome {
  /** Where it is counted. */
  readonly index: number;
  readonly result: CacheResult;
  /** "" for a plain hit. */
  readonly reason: string;
  /** The word of RFC 9211 §2.2 for a request that was sent on; "" for one that was not. */
  readonly forwarded: "" | "uri-miss" | "vary-miss" | "stale" | "request" | "method" | "bypass";
}

export const outcomes = {
  hit: outcome(0, "hit", "", ""),
  /** It was stale, and a new one is being fetched. */
  staleRevalidating: outcome(1, "stale", "revalidating", ""),
  /** It was stale, and there was only an error. */
  staleError: outcome(2, "stale", "error", ""),
  /** It was stale, and no worker of the app is ready. */
  staleDown: outcome(3, "stale", "down", ""),
  /** The app said that it is still right. */
  revalidated: outcome(4, "revalidated", "", "stale"),
  missUnknown: outcome(5, "miss", "unknown", "uri-miss"),
  missExpired: outcome(6, "miss", "expired", "stale"),
  /** There are answers to such requests, for others. */
  missVary: outcome(7, "miss", "vary", "vary-miss"),
  /** The client wanted a newer one. */
  missRequest: outcome(8, "miss", "request", "request"),
  /** Another request was fetching it already. */
  missJoined: outcome(9, "miss", "joined", "uri-miss"),
  bypassMethod: outcome(10, "bypass", "method", "method"),
  /** By `bypass` of the route. */
  bypassRule: outcome(11, "bypass", "rule", "bypass"),
  /** It, or the one before it, is not for everybody. */
  bypassUncacheable: outcome(12, "bypass", "uncacheable", "uri-miss"),
  /** The request itself forbids it. */
  bypassRequest: outcome(13, "bypass", "request", "request"),
  /** The client wanted a stored answer only, and there is none: 504. */
  missRefused: outcome(14, "miss", "only-if-cached", ""),
} as const;

export const outcomeList: readonly CacheOutcome[] = Object.values(outcomes);

function outcome(
  index: number,
  result: CacheResult,
  reason: string,
  forwarded: CacheOutcome["forwarded"],
): CacheOutcome {
  return { index, result, reason, forwarded };
}

/** Of what is served from the store, whether it is fresh or not. */
export function hitOutcome(hit: Pick<Hit, "stale" | "detail">): CacheOutcome {
  if (!hit.stale) return outcomes.hit;
  return hit.detail === "app-down" ? outcomes.staleDown : outcomes.staleRevalidating;
}

/** For the access log: "hit", "stale down". */
export function describeOutcome({ result, reason }: CacheOutcome): string {
  return reason === "" ? result : `${result} ${reason}`;
}
