/** What the cache did with the requests of routes: as samples for Prometheus, and for `stack cache stats`. */
import type { Labels } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import type { CacheRouteStats } from "@stack/control";
import { outcomeList } from "../cache/outcomes.ts";
import { sumCacheMetrics } from "./cache-metrics.ts";
import { routeLabel } from "./route-label.ts";

/** Only what has happened. */
export function describeCache(
  memory: SharedArrayBuffer,
  slot: number,
  labels: Labels,
): (readonly [Labels, number])[] {
  return happened(memory, slot).map(({ result, reason, count }) => [
    { ...labels, result, reason },
    count,
  ]);
}

/** Of the routes with a cache, in the order of the config. */
export function describeCacheRoutes(
  memory: SharedArrayBuffer,
  plan: EdgePlan,
  slots: ReadonlyMap<string, number>,
): readonly CacheRouteStats[] {
  return plan.routes.flatMap((route) => {
    const label = routeLabel(route);
    const slot = slots.get(label);
    if (route.cache === undefined || slot === undefined) return [];
    return [{ route: label, results: happened(memory, slot) }];
  });
}

function happened(memory: SharedArrayBuffer, slot: number): CacheRouteStats["results"] {
  const counts = sumCacheMetrics(memory, slot);
  return outcomeList.flatMap(({ index, result, reason }) => {
    const count = counts[index] ?? 0;
    return count === 0 ? [] : [{ result, reason, count }];
  });
}
