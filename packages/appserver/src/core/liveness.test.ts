import { expect, test } from "vitest";
import { alive, type LivenessTally, tallyLiveness } from "./liveness.ts";

type Look = readonly [state: string | undefined, answered: boolean | undefined];

/** What a series of looks says, with three silent ones as the bound. */
function verdicts(looks: readonly Look[]): readonly string[] {
  let tally: LivenessTally = alive;
  return looks.map(([state, answered]) => {
    const next = tallyLiveness(tally, state, answered, 3);
    tally = next.tally;
    return next.verdict;
  });
}

const [good, quiet, stopped]: Look[] = [
  ["S", true],
  ["R", false],
  ["T", false],
];

test.for<readonly [what: string, looks: readonly Look[], last: string]>([
  ["works", [good, good] as Look[], "alive"],
  ["was stopped for a moment", [stopped, good] as Look[], "alive"],
  ["is stopped", [good, stopped, stopped] as Look[], "stopped"],
  ["is quiet for a while", [quiet, quiet, good, quiet] as Look[], "alive"],
  ["is silent", [quiet, quiet, quiet] as Look[], "silent"],
  ["cannot be asked", Array<Look>(9).fill(["S", undefined]), "alive"],
  ["is in a debugger", Array<Look>(9).fill(["t", false]), "alive"],
  ["is gone", [[undefined, undefined]], "alive"],
])("one that %s", ([, looks, last]) => {
  expect(verdicts(looks).at(-1)).toBe(last);
});
