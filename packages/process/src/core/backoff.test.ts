import { expect, test } from "vitest";
import { decideBackoff, defaultBackoff } from "./backoff.ts";

test.for<[failures: number, random: number, ms: number]>([
  [1, 0, 200],
  [2, 0, 400],
  [3, 0, 800],
  [8, 0, 25_600],
  [9, 0, 30_000],
  [1_000, 0, 30_000],
  [1, 1, 150],
  [9, 1, 22_500],
])("after %i failures with jitter %d it waits %i ms", ([failures, random, ms]) => {
  expect(decideBackoff(defaultBackoff, failures, random)).toBe(ms);
});
