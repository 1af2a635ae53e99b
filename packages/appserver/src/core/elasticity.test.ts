import { expect, test } from "vitest";
import {
  decideWorkers,
  type ElasticBounds,
  type LoadLook,
  lookEveryMs,
  startElastic,
} from "./elasticity.ts";

const bounds: ElasticBounds = { min: 2, max: 8, waitMs: 50, calmMs: 10 * lookEveryMs };
const busy: LoadLook = { waitMs: 80, busyShare: 1, whole: true };
const quiet: LoadLook = { waitMs: 0, busyShare: 0.1, whole: true };

/** The numbers of workers after each of these looks. */
function numbers(looks: readonly LoadLook[], from = startElastic(bounds)): readonly number[] {
  let state = from;
  return looks.map((look) => {
    state = decideWorkers(state, look, bounds);
    return state.workers;
  });
}

const times = (count: number, look: LoadLook): LoadLook[] => Array<LoadLook>(count).fill(look);
const ofEight = { workers: 8, pressed: 0, calm: 0 };

test.for<readonly [what: string, looks: readonly LoadLook[], from: number, after: number]>([
  ["nobody waits", times(60, quiet), 2, 2],
  ["one second was slow", [busy, quiet, busy, quiet], 2, 2],
  ["requests wait", times(2, busy), 2, 3],
  ["they wait, but the last worker is not ready yet", times(30, { ...busy, whole: false }), 2, 2],
  ["the new one needs time to tell", times(7, busy), 2, 3],
  ["they still wait", times(9, busy), 2, 4],
  ["they wait for ever", times(200, busy), 2, 8],
  ["they wait a little", times(200, { ...busy, waitMs: 30 }), 5, 5],
  ["nobody waits, but all are busy", times(200, { ...quiet, busyShare: 0.9 }), 5, 5],
  ["nobody waits for long", times(10, quiet), 5, 4],
  ["nobody waits for longer", times(15, quiet), 5, 3],
  ["nobody waits any more", times(300, quiet), 8, 2],
  ["somebody waited in between", [...times(9, quiet), { ...quiet, waitMs: 20 }, quiet], 5, 5],
])("%s", ([, looks, from, after]) => {
  expect(numbers(looks, { ...ofEight, workers: from }).at(-1)).toBe(after);
});

test("a load at the edge does not make it swing", () => {
  // Three workers carry it, two do not: what a step down brings is a step up, after a long while.
  const looks: number[] = [];
  let state = startElastic(bounds);
  for (let second = 0; second < 600; second += 1) {
    const enough = state.workers >= 3;
    const look = enough ? { waitMs: 2, busyShare: 0.62, whole: true } : busy;
    state = decideWorkers(state, look, bounds);
    looks.push(state.workers);
  }
  expect(new Set(looks.slice(2))).toEqual(new Set([3]));
});

test("new bounds hold at once", () => {
  expect(decideWorkers(ofEight, quiet, { ...bounds, max: 4 }).workers).toBe(4);
  expect(decideWorkers(startElastic(bounds), quiet, { ...bounds, min: 6 }).workers).toBe(6);
});
