import { expect, test } from "vitest";
import { crashLoopFailures, decideRestart, noFailures, type RestartHistory } from "./restart.ts";

const end = { atMs: 1_000, readyMs: 100, ordered: false };

test("a worker that served for long is back at once and begins anew", () => {
  const history: RestartHistory = { failures: 4, firstAtMs: 1 };
  expect(decideRestart(history, { ...end, readyMs: 60_000 }, 0)).toEqual({
    history: noFailures,
    delayMs: 0,
    crashLoop: false,
  });
});

test("what we ended ourselves is no failure", () => {
  const history: RestartHistory = { failures: 2, firstAtMs: 1 };
  expect(decideRestart(history, { ...end, ordered: true }, 0)).toEqual({
    history,
    delayMs: 0,
    crashLoop: false,
  });
});

test("short lives wait longer and longer, and are called a crash loop in the end", () => {
  let history = noFailures;
  const delays: number[] = [];
  const loops: boolean[] = [];
  for (let life = 0; life < crashLoopFailures + 1; life += 1) {
    const decision = decideRestart(history, { ...end, atMs: life * 100 }, 0);
    history = decision.history;
    delays.push(decision.delayMs);
    loops.push(decision.crashLoop);
  }
  expect(delays).toEqual([0, 500, 1_000, 2_000, 4_000, 30_000, 30_000]);
  expect(loops).toEqual([false, false, false, false, false, true, true]);
  expect(history.firstAtMs).toBe(0);
});

test("one that never was ready waits also the first time, and jitter takes some of it off", () => {
  expect(decideRestart(noFailures, { ...end, readyMs: 0 }, 0).delayMs).toBe(250);
  expect(decideRestart(noFailures, { ...end, readyMs: 0 }, 1).delayMs).toBe(188);
});
