/**
 * What the edge counts, over shared memory: each thread writes a region of its own (a single writer,
 * so plain increments), the main thread sums them once a second. Latency is kept in slices of two
 * seconds of which the last six are read: quantiles of about the last ten seconds.
 *
 * Apps have slots: `assignAppSlots` keeps a slot for a name over reloads, so counters go on.
 */
import { bucketCount, bucketOf, type Quantiles, quantilesOf } from "./latency-histogram.ts";

/** Apps beyond this many are served but not counted one by one. */
export const appSlots = 256;

const sliceMs = 2_000;
const sliceCount = 6;

// Counters of one thread, as doubles: exact up to 2^53 and never torn.
const connections = 0;
const accepted = 1;
const requests = 2;
const answers = 3; // answers + 1 is 1xx … answers + 5 is 5xx
const tunnels = 9;
const appFields = 16;
const appRequests = 0;
const appInFlight = 1;
const appErrors = 2;
const appStride = 3;
const doubles = appFields + appSlots * appStride;

// Then, as 32-bit words, one histogram of all requests, one per app, and one per app of those that
// waited for a worker, by how long: an epoch per slice, the slices.
const histogramWords = sliceCount + sliceCount * bucketCount;
const firstWait = 1 + appSlots;
const histogramCount = 1 + 2 * appSlots;
const threadBytes = doubles * 8 + histogramCount * histogramWords * 4;
/** Regions begin on a cache line of their own. */
const threadStride = Math.ceil(threadBytes / 128) * 128;

/** What a thread calls. Times are milliseconds; `nowMs` is Unix time, the same in all threads. */
export interface ThreadMetrics {
  readonly connectionOpened: () => void;
  readonly connectionClosed: () => void;
  /** A request has become a tunnel; it was counted as a request with its 101. */
  readonly tunnelOpened: () => void;
  readonly tunnelClosed: () => void;
  /** Once per request, when its final answer has ended or was cut off. */
  readonly requestEnded: (status: number, durationMs: number, nowMs: number) => void;
  /** A 1xx passed on. */
  readonly informed: () => void;
  /** The request was given to a worker of the app (not: was queued). */
  readonly appStarted: (slot: number) => void;
  /** It had to wait for a worker, until now. */
  readonly appWaited: (slot: number, waitMs: number, nowMs: number) => void;
  /**
   * Once for every `appStarted`. The duration counts from the request, queueing included; the status
   * is the client's, whoever said it.
   */
  readonly appEnded: (slot: number, status: number, durationMs: number, nowMs: number) => void;
}

export interface MetricsTotals {
  readonly connections: number;
  /** Connections ever accepted. */
  readonly accepted: number;
  /** Upgraded connections open now. */
  readonly tunnels: number;
  readonly requests: number;
  /** Index 1 is 1xx … 5 is 5xx. */
  readonly answers: readonly number[];
  readonly latencyMs: Quantiles | null;
}

export interface AppTotals {
  readonly requests: number;
  /** Of these, answered with 5xx. */
  readonly errors: number;
  readonly inFlight: number;
  readonly latencyMs: Quantiles | null;
}

/** Memory for the counters of so many threads; share it with them. */
export function createMetricsMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * threadStride);
}

/** A slot for each name, the same as before where it had one; -1 when all are taken. */
export function assignAppSlots(
  names: readonly string[],
  before: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> {
  const slots = new Map(before);
  for (const name of names) {
    if (!slots.has(name)) slots.set(name, slots.size < appSlots ? slots.size : -1);
  }
  return slots;
}

/** The writer of one thread (0 … threads - 1). Only that thread may use it. */
export function createThreadMetrics(memory: SharedArrayBuffer, thread: number): ThreadMetrics {
  const { counters, histograms } = viewsOf(memory, thread);
  const bump = (index: number, by: number): void => {
    counters[index] = (counters[index] ?? 0) + by;
  };
  const record = (histogram: number, durationMs: number, nowMs: number): void => {
    const epoch = Math.floor(nowMs / sliceMs) >>> 0;
    const slice = epoch % sliceCount;
    const base = histogram * histogramWords;
    const start = base + sliceCount + slice * bucketCount;
    if (histograms[base + slice] !== epoch) {
      histograms.fill(0, start, start + bucketCount);
      histograms[base + slice] = epoch;
    }
    const index = start + bucketOf(durationMs);
    histograms[index] = (histograms[index] ?? 0) + 1;
  };
  return {
    connectionOpened() {
      bump(connections, 1);
      bump(accepted, 1);
    },
    connectionClosed: () => bump(connections, -1),
    tunnelOpened: () => bump(tunnels, 1),
    tunnelClosed: () => bump(tunnels, -1),
    requestEnded(status, durationMs, nowMs) {
      bump(requests, 1);
      const answerClass = (status / 100) | 0;
      if (answerClass >= 1 && answerClass <= 5) bump(answers + answerClass, 1);
      record(0, durationMs, nowMs);
    },
    informed: () => bump(answers + 1, 1),
    appStarted(slot) {
      if (slot >= 0) bump(appFields + slot * appStride + appInFlight, 1);
    },
    appWaited(slot, waitMs, nowMs) {
      if (slot >= 0) record(firstWait + slot, waitMs, nowMs);
    },
    appEnded(slot, status, durationMs, nowMs) {
      if (slot < 0) return;
      if (status >= 500) bump(appFields + slot * appStride + appErrors, 1);
      bump(appFields + slot * appStride + appRequests, 1);
      bump(appFields + slot * appStride + appInFlight, -1);
      record(1 + slot, durationMs, nowMs);
    },
  };
}

/** All threads together. */
export function sumMetrics(memory: SharedArrayBuffer, nowMs: number): MetricsTotals {
  const threads = threadsOf(memory);
  const total = (index: number): number => sumCounter(memory, threads, index);
  return {
    connections: total(connections),
    accepted: total(accepted),
    tunnels: total(tunnels),
    requests: total(requests),
    answers: [0, 1, 2, 3, 4, 5].map((answerClass) =>
      answerClass === 0 ? 0 : total(answers + answerClass),
    ),
    latencyMs: sumLatency(memory, threads, 0, nowMs),
  };
}

/** One app over all threads; of slot -1 nothing is known. */
export function sumAppMetrics(memory: SharedArrayBuffer, slot: number, nowMs: number): AppTotals {
  if (slot < 0) return { requests: 0, errors: 0, inFlight: 0, latencyMs: null };
  const threads = threadsOf(memory);
  const field = appFields + slot * appStride;
  return {
    requests: sumCounter(memory, threads, field + appRequests),
    errors: sumCounter(memory, threads, field + appErrors),
    inFlight: sumCounter(memory, threads, field + appInFlight),
    latencyMs: sumLatency(memory, threads, 1 + slot, nowMs),
  };
}

/** How long 95 of 100 requests of an app waited for a worker at most, of about the last ten seconds. */
export function readAppWait(memory: SharedArrayBuffer, slot: number, nowMs: number): number {
  if (slot < 0) return 0;
  const threads = threadsOf(memory);
  const waits = sumHistogram(memory, threads, firstWait + slot, nowMs);
  const waited = total(waits);
  if (waited === 0) return 0;
  // Those that did not wait are in the other histogram alone.
  const ended = total(sumHistogram(memory, threads, 1 + slot, nowMs));
  waits[0] = (waits[0] ?? 0) + Math.max(0, ended - waited);
  return quantilesOf(waits)?.p95 ?? 0;
}

/** Of a thread that ended: nothing is open or in flight there any more; its counts remain. */
export function clearThreadGauges(memory: SharedArrayBuffer, thread: number): void {
  const { counters } = viewsOf(memory, thread);
  counters[connections] = 0;
  counters[tunnels] = 0;
  for (let slot = 0; slot < appSlots; slot += 1) {
    counters[appFields + slot * appStride + appInFlight] = 0;
  }
}

function viewsOf(memory: SharedArrayBuffer, thread: number) {
  const start = thread * threadStride;
  return {
    counters: new Float64Array(memory, start, doubles),
    histograms: new Uint32Array(memory, start + doubles * 8, histogramCount * histogramWords),
  };
}

function threadsOf(memory: SharedArrayBuffer): number {
  return memory.byteLength / threadStride;
}

function sumCounter(memory: SharedArrayBuffer, threads: number, index: number): number {
  let sum = 0;
  for (let thread = 0; thread < threads; thread += 1) {
    sum += viewsOf(memory, thread).counters[index] ?? 0;
  }
  return sum;
}

function sumLatency(
  memory: SharedArrayBuffer,
  threads: number,
  histogram: number,
  nowMs: number,
): Quantiles | null {
  return quantilesOf(sumHistogram(memory, threads, histogram, nowMs));
}

function total(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function sumHistogram(
  memory: SharedArrayBuffer,
  threads: number,
  histogram: number,
  nowMs: number,
): Float64Array {
  const sums = new Float64Array(bucketCount);
  const newest = Math.floor(nowMs / sliceMs) >>> 0;
  const base = histogram * histogramWords;
  for (let thread = 0; thread < threads; thread += 1) {
    const { histograms } = viewsOf(memory, thread);
    for (let slice = 0; slice < sliceCount; slice += 1) {
      const epoch = histograms[base + slice] ?? 0;
      if (epoch > newest || newest - epoch >= sliceCount) continue;
      const start = base + sliceCount + slice * bucketCount;
      for (let bucket = 0; bucket < bucketCount; bucket += 1) {
        sums[bucket] = (sums[bucket] ?? 0) + (histograms[start + bucket] ?? 0);
      }
    }
  }
  return sums;
}
