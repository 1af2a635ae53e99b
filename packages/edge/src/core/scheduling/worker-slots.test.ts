import { expect, test } from "vitest";
import {
  claimSlot,
  countInFlight,
  createWorkerSlots,
  hasFreeSlot,
  readLoad,
  releaseSlot,
  sweepSlots,
  workerState,
  writeState,
} from "./worker-slots.ts";

const slotsOf = (capacity: number): Int32Array => new Int32Array(createWorkerSlots(capacity));

test("a worker takes as many requests as it has slots, and each slot has one owner", () => {
  const worker = slotsOf(2);
  expect([claimSlot(worker, 0, 1), claimSlot(worker, 1, 2), claimSlot(worker, 0, 3)]).toEqual([
    0, 1, -1,
  ]);
  expect(hasFreeSlot(worker)).toBe(false);
  releaseSlot(worker, 0);
  expect(claimSlot(worker, 1, 4)).toBe(0);
});

test("a draining worker takes nothing, and what it had is still counted", () => {
  const worker = slotsOf(2);
  claimSlot(worker, 0, 1);
  writeState(worker, workerState.draining);
  expect(claimSlot(worker, 1, 2)).toBe(-1);
  expect(countInFlight(worker)).toBe(1);
  releaseSlot(worker, 0);
  expect(countInFlight(worker)).toBe(0);
});

test("what a dead thread owned comes free, and nothing else", () => {
  const worker = slotsOf(3);
  claimSlot(worker, 0, 1);
  claimSlot(worker, 1, 2);
  claimSlot(worker, 0, 3);
  expect(sweepSlots(worker, 0)).toBe(2);
  expect(countInFlight(worker)).toBe(1);
  expect(readLoad(worker)).toBe(1);
  expect(sweepSlots(worker, 0)).toBe(0);
});
