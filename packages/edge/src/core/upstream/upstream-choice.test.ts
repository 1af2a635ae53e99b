import { expect, test } from "vitest";
import { type AttemptOutcome, type Attempts, decideAfter } from "./upstream-choice.ts";

const fresh: Attempts = { server: 0, unreached: 0, replayed: false };

interface Row {
  readonly outcome: AttemptOutcome;
  readonly attempts?: Partial<Attempts>;
  readonly servers?: number;
  readonly method?: string;
  readonly replayable?: boolean;
  readonly expected: string;
}

const rows: readonly Row[] = [
  { outcome: "unreached", expected: "try 1" },
  { outcome: "unreached", method: "POST", replayable: false, expected: "try 1" },
  { outcome: "unreached", attempts: { server: 2, unreached: 1 }, expected: "try 0" },
  { outcome: "unreached", attempts: { unreached: 2 }, expected: "fail 502" },
  { outcome: "unreached", servers: 1, expected: "fail 502" },
  { outcome: "lost", expected: "try 1 fresh" },
  { outcome: "lost", servers: 1, expected: "try 0 fresh" },
  { outcome: "lost", method: "DELETE", expected: "try 1 fresh" },
  { outcome: "lost", method: "POST", expected: "fail 502" },
  { outcome: "lost", method: "PATCH", expected: "fail 502" },
  { outcome: "lost", replayable: false, expected: "fail 502" },
  { outcome: "lost", attempts: { replayed: true }, expected: "fail 502" },
  { outcome: "lost", attempts: { unreached: 2 }, expected: "try 1 fresh" },
  { outcome: "unreached", attempts: { replayed: true }, expected: "try 1" },
  { outcome: "late", expected: "fail 504" },
];

test.for(rows)("%j", (row) => {
  const { outcome, attempts, servers = 3, method = "GET", replayable = true, expected } = row;
  const step = decideAfter(outcome, { ...fresh, ...attempts }, servers, method, replayable);
  const said =
    step.kind === "fail"
      ? `fail ${step.status}`
      : `try ${step.attempts.server}${step.onFreshConnection ? " fresh" : ""}`;
  expect(said).toBe(expected);
});

test("a request is tried a bounded number of times, whatever happens", () => {
  let attempts = fresh;
  let tries = 1;
  for (let outcome: AttemptOutcome = "lost"; ; outcome = "unreached") {
    const step = decideAfter(outcome, attempts, 3, "GET", true);
    if (step.kind === "fail") break;
    attempts = step.attempts;
    tries += 1;
  }
  expect(tries).toBe(4);
});
