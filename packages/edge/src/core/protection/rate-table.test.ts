import fc from "fast-check";
import { expect, test } from "vitest";
import { createRateMemory, openRateTable } from "./rate-table.ts";

const seed = [0x01234567, 0x89abcdef] as const;

/** GCRA as the textbook has it, with a table that may grow. */
function createReference(intervalUs: number, burst: number) {
  const arrivals = new Map<string, number>();
  return (key: string, nowUs: number): boolean => {
    const due = Math.max(arrivals.get(key) ?? nowUs, nowUs);
    if (due + intervalUs - nowUs > intervalUs * burst) return false;
    arrivals.set(key, due + intervalUs);
    return true;
  };
}

test("it decides as GCRA over an endless table does", () => {
  const request = fc.record({
    key: fc.constantFrom("a", "b", "192.0.2.7", "2001:db8:1:2:", "x".repeat(99)),
    afterUs: fc.oneof(fc.constant(0), fc.nat(3_000), fc.nat(3_000_000)),
  });
  fc.assert(
    fc.property(
      fc.array(request, { maxLength: 300 }),
      fc.integer({ min: 1, max: 2_000_000 }),
      fc.integer({ min: 1, max: 40 }),
      // Near the end of the 40 bits the time wraps around.
      fc.oneof(fc.nat(2 ** 31 - 1), fc.integer({ min: 2 ** 40 - 5_000_000, max: 2 ** 40 })),
      (requests, intervalUs, burst, startUs) => {
        const table = openRateTable(createRateMemory(seed, 64));
        const reference = createReference(intervalUs, burst);
        const limit = { name: "l", intervalUs, burst };
        let nowUs = startUs;
        for (const { key, afterUs } of requests) {
          nowUs += afterUs;
          if (afterUs === 3_000) table.sweep(nowUs);
          expect(table.take(limit, key, nowUs).allowed).toBe(reference(key, nowUs));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("what it says of the wait is true to the microsecond", () => {
  const table = openRateTable(createRateMemory(seed, 64));
  const limit = { name: "l", intervalUs: 10_000, burst: 3 };
  for (const remaining of [2, 1, 0]) {
    expect(table.take(limit, "a", 1_000)).toMatchObject({ allowed: true, remaining });
  }
  const { allowed, retryAfterMs, resetMs } = table.take(limit, "a", 1_000);
  expect({ allowed, retryAfterMs, resetMs }).toEqual({
    allowed: false,
    retryAfterMs: 10,
    resetMs: 30,
  });
  expect(table.take(limit, "a", 10_999).allowed).toBe(false);
  expect(table.take(limit, "a", 11_000).allowed).toBe(true);
});

test("limits with different names do not see each other", () => {
  const table = openRateTable(createRateMemory(seed, 64));
  const one = { name: "one", intervalUs: 1_000_000, burst: 1 };
  expect(table.take(one, "a", 0).allowed).toBe(true);
  expect(table.take(one, "a", 0).allowed).toBe(false);
  expect(table.take({ ...one, name: "two" }, "a", 0).allowed).toBe(true);
});

test("more keys than cells cost the ones nearest to nothing used, never memory or an answer", () => {
  const memory = createRateMemory(seed, 8);
  const bytes = memory.byteLength;
  const table = openRateTable(memory);
  const limit = { name: "l", intervalUs: 1_000_000, burst: 10 };
  for (let used = 0; used < 10; used += 1) table.take(limit, "heavy", 0);
  for (let key = 0; key < 10_000; key += 1) {
    expect(table.take(limit, `light ${key}`, 0).allowed).toBe(true);
  }
  expect(table.take(limit, "heavy", 0).allowed).toBe(false);
  expect(memory.byteLength).toBe(bytes);
});

test("an expired key leaves its cell to another", () => {
  const table = openRateTable(createRateMemory(seed, 1));
  const limit = { name: "l", intervalUs: 1_000, burst: 1 };
  for (let second = 0; second < 100; second += 1) {
    for (let key = 0; key < 8; key += 1) {
      const name = `${second} ${key}`;
      expect(table.take(limit, name, second * 1_000_000).allowed).toBe(true);
      expect(table.take(limit, name, second * 1_000_000).allowed).toBe(false);
    }
  }
});
