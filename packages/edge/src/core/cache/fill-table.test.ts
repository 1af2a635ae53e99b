import { expect, test } from "vitest";
import { createFillMemory, forgetFills, noCell, openFillTable } from "./fill-table.ts";

const seed = [1, 2] as const;

function twoThreads() {
  const memory = createFillMemory();
  return { memory, one: openFillTable(memory, seed, 0), two: openFillTable(memory, seed, 63) };
}

test("a key is fetched by the thread that asked first, until it lets go", () => {
  const { one, two } = twoThreads();
  const claim = two.claim("key");
  expect(claim.kind).toBe("mine");
  expect(one.claim("key")).toEqual({ kind: "theirs", thread: 63 });
  expect(one.claim("another")).toMatchObject({ kind: "mine" });
  if (claim.kind === "mine") two.release(claim.cell);
  expect(one.claim("key")).toMatchObject({ kind: "mine" });
});

test("nothing is fetched by a thread that has ended", () => {
  const { memory, one, two } = twoThreads();
  two.claim("key");
  one.claim("mine");
  forgetFills(memory, 63);
  expect(one.claim("key")).toMatchObject({ kind: "mine" });
  expect(two.claim("mine")).toEqual({ kind: "theirs", thread: 0 });
});

test("a table that is full has no cell, and no key waits for another", () => {
  const { one } = twoThreads();
  const claims = Array.from({ length: 20_000 }, (_, index) => one.claim(`key ${index}`));
  expect(claims.every(({ kind }) => kind === "mine")).toBe(true);
  expect(claims.some((claim) => claim.kind === "mine" && claim.cell === noCell)).toBe(true);
});

test("a mark holds for its time, in all threads, and can be taken back", () => {
  const { one, two } = twoThreads();
  one.mark("key", 100);
  expect([two.isMarked("key", 99), two.isMarked("key", 100)]).toEqual([true, false]);
  expect(two.isMarked("another", 99)).toBe(false);
  two.unmark("key");
  expect(one.isMarked("key", 99)).toBe(false);
});
