import { expect, test } from "vitest";
import { decideRecycle, drawLimits, measureFromBytes } from "./recycle.ts";

const mb = 2 ** 20;
const plan = { requests: 1000, ageMs: 3_600_000, softBytes: 300 * mb, hardBytes: 500 * mb };
const young = { requests: 3, ageMs: 1_000, memoryBytes: 50 * mb };

test.for([
  [{}, { kind: "keep" }],
  [{ requests: 999 }, { kind: "keep" }],
  [{ requests: 1004 }, { kind: "renew", reason: "max requests (1004)" }],
  [{ ageMs: 3_600_000 }, { kind: "renew", reason: "max age (1h)" }],
  [{ memoryBytes: undefined }, { kind: "keep" }],
  [
    { memoryBytes: 310 * mb },
    { kind: "renew", reason: "memory 310M, over the soft limit of 300M" },
  ],
  [
    { memoryBytes: 600 * mb, requests: 1004 },
    { kind: "kill", reason: "memory 600M, over the hard limit of 500M" },
  ],
] as const)("of a worker with %j", ([facts, decision]) => {
  expect(decideRecycle(plan, { ...young, ...facts })).toEqual(decision);
});

test("limits differ from worker to worker by a tenth at most, and never exceed what is written", () => {
  expect(drawLimits(plan, 0)).toEqual(plan);
  expect(drawLimits(plan, 1)).toEqual({ ...plan, requests: 900, ageMs: 3_240_000 });
  expect(drawLimits({ requests: 1 }, 1)).toEqual({ requests: 1 });
});

test("memory is looked at more closely only where a limit is near", () => {
  expect(measureFromBytes(plan)).toBe(300 * mb);
  expect(measureFromBytes({ hardBytes: 7 })).toBe(7);
  expect(measureFromBytes({ requests: 5 })).toBe(Number.POSITIVE_INFINITY);
});
