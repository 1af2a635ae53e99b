/**
 * What a route wants of the cache: the policy's only setting. One object per route and plan, made
 * when the plan is read.
 */

export interface CachePolicy {
  /**
   * `http`: the app's fields rule. `force`: an answer that says nothing lives for `ttlMs`; what one
   * does say (private, no-store, max-age …) still counts.
   */
  readonly mode: "http" | "force";
  /** In mode `force`: how long statuses live that are cacheable by default (RFC 9110 §15.1). */
  readonly ttlMs: number;
  /** How long 404, 405, 410 and 501 live that say nothing; 0 for no word on it. */
  readonly negativeTtlMs: number;
  /** Bodies beyond this are not stored. */
  readonly maxBodyBytes: number;
  /** Whether answers that set a cookie are stored, with the cookie. */
  readonly storeSetCookie: boolean;
  /** Whether the Cache-Control of a client counts: it can make the cache ask the app. */
  readonly obeyClient: boolean;
  /** Where the answer names no stale-while-revalidate of its own. */
  readonly staleWhileRevalidateMs: number;
  /** Where the answer names no stale-if-error of its own. */
  readonly staleIfErrorMs: number;
  /** How long past its freshness an answer may be served while the app is known to be down. */
  readonly staleWhileDownMs: number;
  /** How long past its freshness an answer with a validator is kept to be validated. */
  readonly keepStaleMs: number;
  /** Longest freshness guessed from Last-Modified (RFC 9111 §4.2.2); 0 for no guessing. */
  readonly maxHeuristicMs: number;
}

/** Mode `http` as RFC 9111 has it, with nothing of a route's own. */
export const httpCachePolicy: CachePolicy = {
  mode: "http",
  ttlMs: 0,
  negativeTtlMs: 0,
  maxBodyBytes: 8 * 1024 * 1024,
  storeSetCookie: false,
  obeyClient: true,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  staleWhileDownMs: 24 * 3600_000,
  keepStaleMs: 24 * 3600_000,
  maxHeuristicMs: 24 * 3600_000,
};
