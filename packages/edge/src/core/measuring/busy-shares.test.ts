import { expect, test } from "vitest";
import { createBusyShares } from "./busy-shares.ts";

test("a worker that is busy half of the time is half busy, and one that is gone is forgotten", () => {
  const shares = createBusyShares();
  for (let sample = 0; sample < 400; sample += 1) {
    shares.sample([
      [1, sample % 2],
      [2, 1],
    ]);
  }
  expect(shares.of(1)).toBeCloseTo(0.5, 1);
  expect(shares.of(2)).toBe(1);
  shares.sample([[2, 0]]);
  expect(shares.of(1)).toBe(0);
  expect(shares.of(2)).toBeGreaterThan(0.9);
});
