import { expect, test } from "vitest";
import {
  createSpillBudget,
  createSpillMemory,
  forgetSpill,
  spillStepBytes,
} from "./spill-budget.ts";

test("the bound holds over all threads, and what is given back can be taken again", () => {
  const memory = createSpillMemory(2);
  const one = createSpillBudget(memory, 0);
  const two = createSpillBudget(memory, 1);
  const limit = 2 * spillStepBytes;
  expect([one.take(limit), two.take(limit), one.take(limit), two.take(limit)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  two.give(1);
  expect(one.take(limit)).toBe(true);
});

test("a thread that ended holds nothing", () => {
  const memory = createSpillMemory(2);
  createSpillBudget(memory, 0).take(spillStepBytes);
  forgetSpill(memory, 0);
  expect(createSpillBudget(memory, 1).take(spillStepBytes)).toBe(true);
});
