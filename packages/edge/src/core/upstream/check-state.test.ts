import { expect, test } from "vitest";
import { applyCheck, unchecked } from "./check-state.ts";

/** "+" passed, "-" failed; the health after each, by its first letter. */
function healths(results: string): string {
  let state = unchecked;
  let said = "";
  for (const result of results) {
    state = applyCheck(state, result === "+", 2, 3);
    said += state.health[0];
  }
  return said;
}

test.for([
  ["+", "u"],
  ["-", "d"],
  ["+---", "uuud"],
  ["+--+--+", "uuuuuuu"],
  ["-++", "ddu"],
  ["-+-++", "ddddu"],
] as const)("after %s it is %s", ([results, expected]) => {
  expect(healths(results)).toBe(expected);
});
