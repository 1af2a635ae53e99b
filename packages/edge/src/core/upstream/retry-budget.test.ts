import { expect, test } from "vitest";
import { createRetryBudget } from "./retry-budget.ts";

function spendAll(budget: ReturnType<typeof createRetryBudget>, nowMs: number): number {
  let spent = 0;
  while (budget.spend(nowMs)) spent += 1;
  return spent;
}

test("a share of the requests may be repeated, and a few per second", () => {
  const budget = createRetryBudget(0.2, 3, 0);
  expect(spendAll(budget, 0)).toBe(30);
  for (let n = 0; n < 100; n += 1) budget.earn();
  expect(spendAll(budget, 0)).toBe(20);
  expect(spendAll(budget, 2_000)).toBe(6);
  expect(spendAll(budget, 3_600_000)).toBe(30);
});

test("a budget of nothing is none", () => {
  const budget = createRetryBudget(0, 0, 0);
  for (let n = 0; n < 1_000; n += 1) budget.earn();
  expect(spendAll(budget, 60_000)).toBe(0);
});
