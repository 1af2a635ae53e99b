import { expect, test } from "vitest";
import {
  type AttemptOutcome,
  type Attempts,
  decideAfter,
  firstAttempt,
} from "./upstream-choice.ts";

interface Row {
  readonly outcome: AttemptOutcome;
  readonly attempts?: Partial<Attempts>;
  readonly method?: string;
  readonly replayable?: boolean;
  readonly expected: string;
}

const rows: readonly Row[] = [
  { outcome: "unreached", expected: "elsewhere" },
  { outcome: "unreached", method: "POST", replayable: false, expected: "elsewhere" },
  { outcome: "unreached", attempts: { replayed: true }, expected: "elsewhere" },
  { outcome: "unreached", attempts: { unreached: 9 }, expected: "fail 502" },
  { outcome: "lost", expected: "replay" },
  { outcome: "lost", method: "DELETE", expected: "replay" },
  { outcome: "lost", attempts: { unreached: 2 }, expected: "replay" },
  { outcome: "lost", method: "POST", expected: "fail 502" },
  { outcome: "lost", method: "PATCH", expected: "fail 502" },
  { outcome: "lost", replayable: false, expected: "fail 502" },
  { outcome: "lost", attempts: { replayed: true }, expected: "fail 502" },
  { outcome: "late", expected: "fail 504" },
];

test.for(rows)("%j", (row) => {
  const { outcome, attempts, method = "GET", replayable = true, expected } = row;
  const step = decideAfter(outcome, { ...firstAttempt, ...attempts }, method, replayable);
  expect(step.kind === "fail" ? `fail ${step.status}` : step.kind).toBe(expected);
});

test("a request is tried a bounded number of times, whatever happens", () => {
  let attempts = firstAttempt;
  let tries = 1;
  for (let outcome: AttemptOutcome = "lost"; ; outcome = "unreached") {
    const step = decideAfter(outcome, attempts, "GET", true);
    if (step.kind === "fail") break;
    attempts = step.attempts;
    tries += 1;
  }
  expect(tries).toBe(11);
});
