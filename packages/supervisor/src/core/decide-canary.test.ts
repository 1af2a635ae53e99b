import { expect, test } from "vitest";
import { type CanarySide, type CanaryTally, decideCanary } from "./decide-canary.ts";

const policy = { requests: 100, timeMs: 60_000, deadlineMs: 900_000 };
const good: CanarySide = { requests: 900, errors: 0, p95Ms: 20 };
const side = (requests: number, errors: number, p95Ms: number | null = 20): CanarySide => ({
  requests,
  errors,
  p95Ms,
});
const minute: CanaryTally = { elapsedMs: 60_000, old: good, fresh: side(100, 0), failure: null };

type Case = [why: string, changes: Partial<CanaryTally>, kind: string, reason?: RegExp];
test.for<Case>([
  ["enough requests, as good as the old", {}, "promote", /0 errors in 100 requests/],
  ["too early", { elapsedMs: 59_999 }, "go-on"],
  ["too few requests", { fresh: side(99, 0) }, "go-on"],
  ["too few to the end", { fresh: side(99, 0), elapsedMs: 900_000 }, "take-back", /99 of 100/],
  ["nobody came", { fresh: side(0, 0, null), elapsedMs: 900_000 }, "take-back", /too few/],
  ["one error may be chance", { fresh: side(100, 1) }, "promote"],
  ["three are not", { fresh: side(100, 3) }, "take-back", /3 errors in 100 .*0 errors in 900/],
  ["as many errors as the old", { old: side(900, 90), fresh: side(100, 11) }, "promote"],
  ["far more than the old", { old: side(900, 90), fresh: side(100, 30) }, "take-back"],
  ["hopeless at once", { elapsedMs: 1_000, fresh: side(6, 6) }, "take-back", /6 errors in 6/],
  ["a bad first request is no verdict", { elapsedMs: 1_000, fresh: side(1, 1) }, "go-on"],
  ["without an old to compare with", { old: side(0, 0, null), fresh: side(100, 2) }, "take-back"],
  ["all of them, and none fails", { old: side(0, 0, null) }, "promote", /unknown/],
  ["slower, within what is allowed", { fresh: side(100, 0, 50) }, "promote"],
  ["slower", { fresh: side(100, 0, 51) }, "take-back", /p95 51 ms, the old 20 ms/],
  ["slow and early", { elapsedMs: 30_000, fresh: side(500, 0, 900) }, "go-on"],
  ["its workers die", { elapsedMs: 1, failure: "it crashes" }, "take-back", /it crashes/],
])("%s", ([, changes, kind, reason = /^/]) => {
  const verdict = decideCanary(policy, { ...minute, ...changes });

  expect(verdict.kind).toBe(kind);
  expect("reason" in verdict ? verdict.reason : "").toMatch(reason);
});
