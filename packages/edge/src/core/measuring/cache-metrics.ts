/**
 * What the cache did with the requests of each route, over shared memory: each thread writes a
 * region of its own, by the slots of `route-metrics.ts`.
 */
import { type CacheOutcome, outcomeList } from "../cache/outcomes.ts";
import { routeSlotCount } from "./route-metrics.ts";

const slotWords = outcomeList.length;
const regionWords = routeSlotCount * slotWords;

/** The writer of one thread: once per request. */
export type CacheMetrics = (slot: number, outcome: CacheOutcome) => void;

export function createCacheMetricsMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * regionWords * 8);
}

/** Only this thread may use it. */
export function createCacheMetrics(memory: SharedArrayBuffer, thread: number): CacheMetrics {
  const counts = new Float64Array(memory, thread * regionWords * 8, regionWords);
  return (slot, { index }) => {
    const at = slot * slotWords + index;
    counts[at] = (counts[at] as number) + 1;
  };
}

/** One slot over all threads, in the order of `outcomeList`. */
export function sumCacheMetrics(memory: SharedArrayBuffer, slot: number): readonly number[] {
  const counts = new Float64Array(memory);
  const threads = counts.length / regionWords;
  return outcomeList.map(({ index }) => {
    let total = 0;
    for (let thread = 0; thread < threads; thread += 1) {
      total += counts[thread * regionWords + slot * slotWords + index] ?? 0;
    }
    return total;
  });
}
