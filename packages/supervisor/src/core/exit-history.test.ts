import type { LastExit } from "@stack/control";
import { expect, test } from "vitest";
import { addExit, type ExitHistory, lastExitOf } from "./exit-history.ts";

function exit(number: number): LastExit {
  const reason = `exit ${number}`;
  return { code: number, signal: null, at: "2026-03-01T12:00:00.000Z", reason, stderr: [reason] };
}

test("the last twenty exits are kept, and the words of the last", () => {
  let history: ExitHistory = {};
  for (let number = 1; number <= 25; number += 1) history = addExit(history, "jobs", exit(number));
  const { jobs: kept = [] } = history;
  expect(kept.map(({ code }) => code)).toEqual(Array.from({ length: 20 }, (_, index) => index + 6));
  expect(kept.flatMap(({ stderr = [] }) => stderr)).toEqual(["exit 25"]);
  expect(lastExitOf(history, "jobs")).toEqual(exit(25));
  expect(lastExitOf(history, "other")).toBeNull();
});
