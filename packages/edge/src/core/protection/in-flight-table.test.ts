import { expect, test } from "vitest";
import {
  clearInFlight,
  createInFlightMemory,
  full,
  openInFlightTable,
  uncounted,
} from "./in-flight-table.ts";

test("a key is counted over all threads, and free again when it leaves", () => {
  const memory = createInFlightMemory([1, 2], 2);
  const one = openInFlightTable(memory, 0);
  const two = openInFlightTable(memory, 1);
  const first = one.enter("l", "a", 2);
  const second = two.enter("l", "a", 2);
  expect(first).toBeGreaterThanOrEqual(0);
  expect(second).toBeGreaterThanOrEqual(0);
  expect(one.enter("l", "a", 2)).toBe(full);
  expect(two.enter("l", "b", 2)).toBeGreaterThanOrEqual(0);
  two.leave(second);
  expect(one.enter("l", "a", 2)).toBeGreaterThanOrEqual(0);
});

test("a thread that ended holds nothing", () => {
  const memory = createInFlightMemory([1, 2], 2);
  const one = openInFlightTable(memory, 0);
  openInFlightTable(memory, 1).enter("l", "a", 1);
  expect(one.enter("l", "a", 1)).toBe(full);
  clearInFlight(memory, 1);
  expect(one.enter("l", "a", 1)).toBeGreaterThanOrEqual(0);
});

test("without room for a key its request goes through", () => {
  const table = openInFlightTable(createInFlightMemory([1, 2], 1), 0);
  let cell = 0;
  for (let key = 0; key < 200_000 && cell !== uncounted; key += 1) {
    cell = table.enter("l", `${key}`, 1);
  }
  expect(cell).toBe(uncounted);
  table.leave(cell);
});
