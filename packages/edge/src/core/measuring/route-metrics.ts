/**
 * What is counted of each route, over shared memory, for Prometheus: like `metrics.ts`, but never
 * forgotten. Each thread writes a region of its own; the main thread adds them up when it is asked.
 *
 * Routes have slots: a route that stays the same keeps its slot over reloads.
 */

/** Upper bounds of the histograms, in seconds; one more bucket holds what is beyond. */
export const durationBounds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const boundsMs = durationBounds.map((seconds) => seconds * 1_000);
const buckets = durationBounds.length + 1;

/** Requests that no route answered. */
export const noRouteSlot = 0;
/** Routes beyond the last slot, together. */
export const otherRoutesSlot = 1;
const firstRouteSlot = 2;
/** Routes beyond this many are counted together. */
const routeSlots = 1_024;
/** Of all kinds. */
export const routeSlotCount = firstRouteSlot + routeSlots;

// Doubles of one slot.
const classes = 0; // classes + 1 is 1xx … classes + 5 is 5xx
const limited = 6;
const limitedDry = 7;
const bytesIn = 8;
const bytesOut = 9;
const duration = 10; // sum in milliseconds, then the buckets
const queue = duration + 1 + buckets;
const slotDoubles = queue + 1 + buckets;
const regionDoubles = routeSlotCount * slotDoubles;

/** The writer of one thread. */
export interface RouteMetrics {
  /**
   * Once per request.
   *
   * @param queueMs how long it waited for a worker; -1 where there is no queue
   */
  readonly ended: (
    slot: number,
    status: number,
    durationMs: number,
    queueMs: number,
    received: number,
    sent: number,
  ) => void;
  /** A limit was reached; `dryRun`: and nothing was done about it. */
  readonly limited: (slot: number, dryRun: boolean) => void;
}

export interface HistogramTotals {
  readonly sumMs: number;
  /** One per bound and one beyond; not cumulative. */
  readonly counts: readonly number[];
}

export interface RouteTotals {
  /** Index 1 is 1xx … 5 is 5xx. */
  readonly answers: readonly number[];
  readonly limited: number;
  readonly limitedDry: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly duration: HistogramTotals;
  readonly queue: HistogramTotals;
}

export function createRouteMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * regionDoubles * 8);
}

/** A slot for each label, the same as before where it had one. */
export function assignRouteSlots(
  labels: readonly string[],
  before: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> {
  const slots = new Map(before);
  for (const label of labels) {
    if (slots.has(label)) continue;
    const next = slots.size + firstRouteSlot;
    slots.set(label, slots.size < routeSlots ? next : otherRoutesSlot);
  }
  return slots;
}

/** Only this thread may use it. */
export function createRouteMetrics(memory: SharedArrayBuffer, thread: number): RouteMetrics {
  const doubles = new Float64Array(memory, thread * regionDoubles * 8, regionDoubles);
  const bump = (index: number, by: number): void => {
    doubles[index] = (doubles[index] ?? 0) + by;
  };
  const observe = (base: number, ms: number): void => {
    let bucket = 0;
    while (bucket < boundsMs.length && ms > (boundsMs[bucket] as number)) bucket += 1;
    bump(base, ms);
    bump(base + 1 + bucket, 1);
  };
  return {
    ended(slot, status, durationMs, queueMs, received, sent) {
      const base = slot * slotDoubles;
      const answerClass = (status / 100) | 0;
      if (answerClass >= 1 && answerClass <= 5) bump(base + classes + answerClass, 1);
      if (received > 0) bump(base + bytesIn, received);
      bump(base + bytesOut, sent);
      observe(base + duration, durationMs);
      if (queueMs >= 0) observe(base + queue, queueMs);
    },
    limited: (slot, dryRun) => bump(slot * slotDoubles + (dryRun ? limitedDry : limited), 1),
  };
}

/** One slot over all threads. */
export function sumRoute(memory: SharedArrayBuffer, slot: number): RouteTotals {
  const doubles = new Float64Array(memory);
  const threads = doubles.length / regionDoubles;
  const sum = (field: number): number => {
    let total = 0;
    for (let thread = 0; thread < threads; thread += 1) {
      total += doubles[thread * regionDoubles + slot * slotDoubles + field] ?? 0;
    }
    return total;
  };
  const histogram = (base: number): HistogramTotals => ({
    sumMs: sum(base),
    counts: Array.from({ length: buckets }, (_, bucket) => sum(base + 1 + bucket)),
  });
  return {
    answers: [0, 1, 2, 3, 4, 5].map((index) => (index === 0 ? 0 : sum(classes + index))),
    limited: sum(limited),
    limitedDry: sum(limitedDry),
    bytesIn: sum(bytesIn),
    bytesOut: sum(bytesOut),
    duration: histogram(duration),
    queue: histogram(queue),
  };
}
