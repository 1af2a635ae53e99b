/** Memory for what all threads of an edge count together, besides `metrics.ts`. */
import { createShortageMemory, forgetShortage } from "./descriptor-shortage.ts";
import { createCacheMetricsMemory } from "./measuring/cache-metrics.ts";
import { clearListenerGauges, createListenerMemory } from "./measuring/listener-metrics.ts";
import { createRouteMemory } from "./measuring/route-metrics.ts";
import { clearInFlight, createInFlightMemory } from "./protection/in-flight-table.ts";
import { createRateMemory } from "./protection/rate-table.ts";
import { createSpillMemory, forgetSpill } from "./spill-budget.ts";

export interface SharedCounters {
  readonly routes: SharedArrayBuffer;
  readonly listeners: SharedArrayBuffer;
  readonly rates: SharedArrayBuffer;
  readonly inFlight: SharedArrayBuffer;
  readonly spill: SharedArrayBuffer;
  readonly descriptors: SharedArrayBuffer;
  readonly cache: SharedArrayBuffer;
}

/** @param seed random, so that no client can choose where it is counted */
export function createSharedCounters(
  threads: number,
  seed: readonly [number, number],
): SharedCounters {
  return {
    routes: createRouteMemory(threads),
    listeners: createListenerMemory(threads),
    rates: createRateMemory(seed),
    inFlight: createInFlightMemory(seed, threads),
    spill: createSpillMemory(threads),
    descriptors: createShortageMemory(threads),
    cache: createCacheMetricsMemory(threads),
  };
}

/** A thread ended: nothing of it is under way. */
export function forgetThreadCounters(counters: SharedCounters, thread: number): void {
  clearListenerGauges(counters.listeners, thread);
  clearInFlight(counters.inFlight, thread);
  forgetSpill(counters.spill, thread);
  forgetShortage(counters.descriptors, thread);
}
