/** The routes of the cache view: each with its results, and below them why they were what they were. */
import { type CacheCounts, cacheResults, countCacheResults } from "@stack/control";
import { formatCount } from "./format.ts";
import type { DashboardState } from "./state.ts";

export type CacheLine =
  | { readonly kind: "route"; readonly route: string; readonly counts: CacheCounts }
  /** "miss", "unknown 150  expired 50" */
  | { readonly kind: "reasons"; readonly result: string; readonly text: string };

export function cacheLines({ cache: { answer } }: DashboardState): readonly CacheLine[] {
  if (answer?.kind !== "stats") return [];
  return answer.stats.routes.flatMap((route): CacheLine[] => [
    { kind: "route", route: route.route, counts: countCacheResults([route]) },
    ...cacheResults.flatMap((name): CacheLine[] => {
      const told = route.results.filter(({ result, reason }) => result === name && reason !== "");
      if (told.length === 0) return [];
      const text = told.map(({ reason, count }) => `${reason} ${formatCount(count)}`).join("  ");
      return [{ kind: "reasons", result: name, text }];
    }),
  ]);
}
