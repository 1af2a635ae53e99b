import { expect, test } from "vitest";
import {
  createDescriptorShortage,
  createShortageMemory,
  forgetShortage,
} from "./descriptor-shortage.ts";

test("all threads are short of descriptors until each has its spare again", () => {
  const memory = createShortageMemory(2);
  const [one, two] = [createDescriptorShortage(memory, 0), createDescriptorShortage(memory, 1)];
  expect([one.isShort(), two.isShort()]).toEqual([false, false]);
  one.begin();
  two.begin();
  expect([one.isShort(), two.isShort()]).toEqual([true, true]);
  one.end();
  expect([one.isShort(), two.isShort()]).toEqual([true, true]);
  two.end();
  expect([one.isShort(), two.isShort()]).toEqual([false, false]);
});

test("a thread that ended lacks nothing", () => {
  const memory = createShortageMemory(2);
  createDescriptorShortage(memory, 1).begin();
  forgetShortage(memory, 1);
  expect(createDescriptorShortage(memory, 0).isShort()).toBe(false);
});
