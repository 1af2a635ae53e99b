import { expect, test } from "vitest";
import { createLinger } from "./linger.ts";

const stallMs = 60_000;

test("after all has left it is done as soon as nothing comes any more", () => {
  const linger = createLinger(stallMs, 1_000, 0);
  expect(linger.isDone(2_900, 0, 0)).toBe(false);
  linger.hear();
  expect(linger.isDone(3_500, 0, 0)).toBe(false);
  expect(linger.isDone(5_400, 0, 0)).toBe(false);
  expect(linger.isDone(5_500, 0, 0)).toBe(true);
});

test("who goes on sending is not heard for ever", () => {
  const linger = createLinger(stallMs, 0, 0);
  for (let now = 1_000; now < 15_000; now += 1_000) {
    linger.hear();
    expect(linger.isDone(now, 0, 0)).toBe(false);
  }
  linger.hear();
  expect(linger.isDone(15_000, 0, 0)).toBe(true);
});

test("as long as a client reads what is left, however slowly, it is let", () => {
  const linger = createLinger(stallMs, 0, 100_000);
  let now = 0;
  for (let taken = 110_000; taken < 200_000; taken += 10_000) {
    now += 50_000;
    // What waits may be one piece until its last byte is taken.
    expect(linger.isDone(now, 100_000, taken)).toBe(false);
  }
  expect(linger.isDone(now + 1_000, 0, 200_000)).toBe(false);
  expect(linger.isDone(now + 3_000, 0, 200_000)).toBe(true);
});

test("one that reads nothing of it is let as long as it may stall", () => {
  const linger = createLinger(stallMs, 0, 0);
  expect(linger.isDone(1_000, 500, 0)).toBe(false);
  expect(linger.isDone(59_999, 500, 0)).toBe(false);
  expect(linger.isDone(60_000, 500, 0)).toBe(true);
});
