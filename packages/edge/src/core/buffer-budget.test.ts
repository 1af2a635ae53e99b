import { expect, test } from "vitest";
import { createBudgetMemory, createBufferBudget, forgetBudget } from "./buffer-budget.ts";

test("the budget is one over all threads, and a dead thread holds nothing", () => {
  const memory = createBudgetMemory(2);
  const one = createBufferBudget(memory, 0, 100_000);
  const two = createBufferBudget(memory, 1, 100_000);
  one.add(60_000);
  expect(two.isExhausted()).toBe(false);
  two.add(50_000);
  expect(one.isExhausted()).toBe(true);
  two.add(-50_000);
  expect(one.isExhausted()).toBe(false);
  two.add(50_000);
  forgetBudget(memory, 1);
  expect(one.isExhausted()).toBe(false);
});
