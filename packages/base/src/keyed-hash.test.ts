import { expect, test } from "vitest";
import { hashKey } from "./keyed-hash.ts";

/**
 * Vectors of the reference implementation would be for 2-4 rounds; for 1-3 the properties that the
 * tables rely on are tested.
 */
function hash(seed: readonly [number, number], text: string): string {
  const into = { low: 0, high: 0 };
  hashKey(seed, text, into);
  return `${into.low.toString(16)}:${into.high.toString(16)}`;
}

test("every character and the length count", () => {
  const texts = ["", "a", "b", "ab", "ba", "abc", "abcd", "abcde", "abcd\0", "\0", "\0\0", "\xff"];
  expect(new Set(texts.map((text) => hash([1, 2], text))).size).toBe(texts.length);
});

test("another seed gives another hash", () => {
  expect(hash([1, 2], "192.0.2.7")).not.toBe(hash([1, 3], "192.0.2.7"));
  expect(hash([1, 2], "192.0.2.7")).not.toBe(hash([2, 2], "192.0.2.7"));
  expect(hash([1, 2], "192.0.2.7")).toBe(hash([1, 2], "192.0.2.7"));
});

test("neighbouring addresses spread evenly over the sets", () => {
  const into = { low: 0, high: 0 };
  const counts = new Array<number>(64).fill(0);
  for (let index = 0; index < 64 * 256; index += 1) {
    hashKey([7, 9], `10.0.${index >> 8}.${index & 255}`, into);
    const set = into.low & 63;
    counts[set] = (counts[set] ?? 0) + 1;
  }
  // 256 expected; beyond six standard deviations something is wrong.
  for (const count of counts) expect(Math.abs(count - 256)).toBeLessThan(96);
});
