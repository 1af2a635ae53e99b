/** What the cache did with the requests of one route, as samples. */
import type { Labels } from "@stack/base";
import { outcomeList } from "../cache/outcomes.ts";
import { sumCacheMetrics } from "./cache-metrics.ts";

/** Only what has happened. */
export function describeCache(
  memory: SharedArrayBuffer,
  slot: number,
  labels: Labels,
): (readonly [Labels, number])[] {
  const counts = sumCacheMetrics(memory, slot);
  return outcomeList.flatMap(({ index, result, reason }) => {
    const count = counts[index] ?? 0;
    return count === 0 ? [] : [[{ ...labels, result, reason }, count] as const];
  });
}
