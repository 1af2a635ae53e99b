/** What `CacheStats` comes to, alike for the command line and the dashboard. Pure. */
import type { CachePurgeTarget, CacheRouteStats } from "./cache-messages.ts";

export const cacheResults = ["hit", "stale", "revalidated", "miss", "bypass"] as const;

type CacheResultName = (typeof cacheResults)[number];

export interface CacheCounts {
  readonly total: number;
  readonly byResult: Readonly<Record<CacheResultName, number>>;
  /** Answered without the app having made the answer anew, from 0 to 1; null without a request. */
  readonly hitRatio: number | null;
}

/** Of one route, or of all of them together. */
export function countCacheResults(routes: readonly CacheRouteStats[]): CacheCounts {
  const byResult = { hit: 0, stale: 0, revalidated: 0, miss: 0, bypass: 0 };
  let total = 0;
  for (const { result, count } of routes.flatMap(({ results }) => results)) {
    total += count;
    if (isKnown(result)) byResult[result] += count;
  }
  const answered = byResult.hit + byResult.stale + byResult.revalidated;
  return { total, byResult, hitRatio: total === 0 ? null : answered / total };
}

/** "tag news", "prefix http://shop.test/blog/", "all" */
export function describePurgeTarget(target: CachePurgeTarget): string {
  switch (target.kind) {
    case "all":
      return "all";
    case "tag":
      return `tag ${target.tag}`;
    case "prefix":
      return `prefix ${target.prefix}`;
    case "url":
      return `url ${target.url}`;
  }
}

/** Keys begin with the scheme; who leaves it out means both. */
export function withBothSchemes(url: string): readonly string[] {
  return /^https?:\/\//.test(url) ? [url] : [`http://${url}`, `https://${url}`];
}

function isKnown(result: string): result is CacheResultName {
  return (cacheResults as readonly string[]).includes(result);
}
