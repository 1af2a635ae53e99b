import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketCount, bucketMiddleMs, bucketOf, quantilesOf } from "./latency-histogram.ts";
import {
  appSlots,
  assignAppSlots,
  clearThreadGauges,
  createMetricsMemory,
  createThreadMetrics,
  sumAppMetrics,
  sumMetrics,
} from "./metrics.ts";

const now = 1_800_000_000_000;

test("quantiles of the buckets are within an eighth of the exact ones", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1_000_000, noNaN: true }), { minLength: 1 }),
      (durations) => {
        const counts = new Array<number>(bucketCount).fill(0);
        for (const duration of durations) {
          const bucket = bucketOf(duration);
          counts[bucket] = (counts[bucket] ?? 0) + 1;
        }
        const sorted = durations.toSorted((a, b) => a - b);
        const found = quantilesOf(counts);
        for (const [share, value] of [
          [0.5, found?.p50],
          [0.95, found?.p95],
          [0.99, found?.p99],
        ] as const) {
          const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
          expect(Math.abs((value ?? Number.NaN) - exact)).toBeLessThanOrEqual(exact / 8 + 0.001);
        }
      },
    ),
  );
});

test.for([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12])(
  "a duration of %s has a bucket",
  (ms) => {
    expect(bucketOf(ms)).toBeGreaterThanOrEqual(0);
    expect(bucketOf(ms)).toBeLessThan(bucketCount);
  },
);

test("buckets grow with the duration", () => {
  for (let bucket = 1; bucket < bucketCount; bucket += 1) {
    expect(bucketMiddleMs(bucket)).toBeGreaterThan(bucketMiddleMs(bucket - 1));
  }
});

test("counters of all threads are summed", () => {
  const memory = createMetricsMemory(2);
  const one = createThreadMetrics(memory, 0);
  const two = createThreadMetrics(memory, 1);
  one.connectionOpened();
  two.connectionOpened();
  two.connectionOpened();
  two.connectionClosed();
  one.requestEnded(200, 5, now);
  two.requestEnded(404, 5, now);
  two.requestEnded(503, 5, now);
  two.informed();
  one.tunnelOpened();
  two.tunnelOpened();
  two.tunnelClosed();

  const totals = sumMetrics(memory, now);

  expect(totals).toMatchObject({
    connections: 2,
    accepted: 3,
    tunnels: 1,
    requests: 3,
    answers: [0, 1, 1, 0, 1, 1],
  });
  expect(totals.latencyMs?.p50).toBeCloseTo(5, 0);
});

test("an app's requests, requests in flight and latency are its own", () => {
  const memory = createMetricsMemory(1);
  const metrics = createThreadMetrics(memory, 0);
  metrics.appStarted(3);
  metrics.appStarted(3);
  metrics.appEnded(3, 502, 100, now);
  metrics.appStarted(-1);
  metrics.appEnded(-1, 200, 1, now);

  expect(sumAppMetrics(memory, 3, now)).toMatchObject({ requests: 1, inFlight: 1 });
  expect(sumAppMetrics(memory, 3, now).latencyMs?.p99).toBeCloseTo(100, -1);
  expect(sumAppMetrics(memory, 2, now)).toEqual({
    requests: 0,
    errors: 0,
    inFlight: 0,
    latencyMs: null,
  });
});

test("latency is forgotten after ten to twelve seconds, also when nobody writes", () => {
  const memory = createMetricsMemory(1);
  const metrics = createThreadMetrics(memory, 0);
  metrics.requestEnded(200, 800, now);

  expect(sumMetrics(memory, now + 9_999).latencyMs?.p50).toBeCloseTo(800, -2);
  expect(sumMetrics(memory, now + 12_000).latencyMs).toBeNull();

  metrics.requestEnded(200, 1, now + 12_000);
  expect(sumMetrics(memory, now + 12_000).latencyMs?.p99).toBeCloseTo(1, 0);
});

test("a thread that ended has nothing open, but its requests remain counted", () => {
  const memory = createMetricsMemory(1);
  const metrics = createThreadMetrics(memory, 0);
  metrics.connectionOpened();
  metrics.appStarted(0);
  metrics.requestEnded(200, 1, now);

  clearThreadGauges(memory, 0);

  expect(sumMetrics(memory, now)).toMatchObject({ connections: 0, requests: 1 });
  expect(sumAppMetrics(memory, 0, now).inFlight).toBe(0);
});

test("an app keeps its slot over reloads and one too many has none", () => {
  const first = assignAppSlots(["shop", "api"]);
  const second = assignAppSlots(["api", "blog"], first);
  expect([...second]).toEqual([
    ["shop", 0],
    ["api", 1],
    ["blog", 2],
  ]);
  const names = Array.from({ length: appSlots + 1 }, (_, index) => `app-${index}`);
  expect(assignAppSlots(names).get(`app-${appSlots}`)).toBe(-1);
});
