import { expect, test } from "vitest";
import { createStreamIds } from "./stream-ids.ts";

test("streams that were left out are told apart from those that are over", () => {
  const ids = createStreamIds();
  expect(ids.last()).toBe(0);
  ids.begin(3);
  ids.begin(9);
  expect([1, 3, 5, 7, 9].filter(ids.isSkipped)).toEqual([1, 5, 7]);
  expect(ids.last()).toBe(9);
});

test("what a client still sends to streams we have ended is let pass, for the last 1,024 of them", () => {
  const ids = createStreamIds();
  for (let stream = 1; stream < 2_200; stream += 2) {
    ids.begin(stream);
    ids.closeEarly(stream);
  }
  expect([1, 2_199].map(ids.isLate)).toEqual([false, true]);
  ids.endLate(2_199);
  expect(ids.isLate(2_199)).toBe(false);
});

test("one that leaves out thousands of streams costs little", () => {
  const ids = createStreamIds();
  ids.begin(2 ** 31 - 1);
  expect(ids.isSkipped(1)).toBe(true);
  expect(ids.isSkipped(2 ** 31 - 3)).toBe(false);
});
