import { expect, test } from "vitest";
import { describeHealth, type HealthAnswer, isHealthy, tallyHealth } from "./health-tally.ts";

const status = (code: number): HealthAnswer => ({ kind: "status", status: code });
const refused: HealthAnswer = { kind: "broken", reason: "ECONNREFUSED" };
const silent: HealthAnswer = { kind: "silent", waitedMs: 31_000 };

test.for([
  [199, false],
  [200, true],
  [399, true],
  [400, false],
  [503, false],
] as const)("%i is healthy: %s", ([code, healthy]) => {
  expect(isHealthy(status(code))).toBe(healthy);
});

test.for([
  ["one bad answer is only suspect", [refused], "suspect"],
  ["two are, too", [refused, status(500)], "suspect"],
  ["three in a row are enough", [refused, status(500), refused], "unhealthy"],
  ["a good one between them begins anew", [refused, refused, status(200), refused], "suspect"],
  ["silence for as long as a request may take is enough at once", [silent], "unhealthy"],
] as const)("%s", ([, answers, verdict]) => {
  let tally = { failures: 0 };
  let last: string | undefined;
  for (const answer of answers) {
    const counted = tallyHealth(tally, answer);
    tally = counted.tally;
    last = counted.verdict;
  }
  expect(last).toBe(verdict);
});

test("answers are described in words", () => {
  expect([status(500), refused, silent].map(describeHealth)).toEqual([
    "answered 500",
    "ECONNREFUSED",
    "no answer in 31s",
  ]);
});
