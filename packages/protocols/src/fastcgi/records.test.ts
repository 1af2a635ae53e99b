import fc from "fast-check";
import { expect, test } from "vitest";
import { blocks, bytes } from "../../test/support/pieces.ts";
import { decodePairs, encodePairs } from "./pairs.ts";
import { encodeRecord, recordPadding, recordStart } from "./records.ts";

test.each([
  [0, 0],
  [1, 7],
  [8, 0],
  [65_528, 0],
  [65_535, 1],
])("%i bytes of content are padded with %i", (length, padding) => {
  expect(recordPadding(length)).toBe("\0".repeat(padding));
  const start = bytes(recordStart(5, 0x1234, length));
  expect([...start]).toEqual([1, 5, 0x12, 0x34, length >> 8, length & 255, padding, 0]);
});

test("a record is a multiple of eight bytes", () => {
  expect(bytes(encodeRecord(6, 1, "abc")).toString("hex")).toBe(
    "0106000100030500616263" + "0000000000",
  );
});

test.each([
  ["A\0b", "0101" + "4162"],
  ["A\0", "0100" + "41"],
  ["", ""],
  [`A\0${"x".repeat(127)}`, `017f41${"78".repeat(127)}`],
  [`A\0${"x".repeat(128)}`, `018000008041${"78".repeat(128)}`],
  [`${"N".repeat(300)}\0v`, `8000012c01${"4e".repeat(300)}76`],
])("the pairs of %j", (block, hex) => {
  const encoded = encodePairs(block);
  expect(bytes(encoded).toString("hex")).toBe(hex);
  expect(decodePairs(encoded)).toBe(block);
});

test("pairs that are encoded are decoded", () => {
  fc.assert(
    fc.property(blocks(200), (block) => {
      expect(decodePairs(encodePairs(block))).toBe(block);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ["a name longer than all", "\x05\0A"],
  ["a value longer than all", "\x01\x05AB"],
  ["a length of 2 GB", "\xff\xff\xff\xff\x01A"],
  ["two lengths of 2 GB", "\xff\xff\xff\xff\xff\xff\xff\xffA"],
  ["a long length cut", "\x80\0"],
  ["a second length missing", "\x01"],
  ["a second long length cut", "\x01\x80\0\0"],
  ["NUL in a name", "\x02\x01A\0b"],
  ["NUL in a value", "\x01\x01A\0"],
])("pairs with %s are refused", (_what, text) => {
  expect(decodePairs(text)).toBeUndefined();
});

test("a short length written as a long one is the same", () => {
  expect(decodePairs("\x80\0\0\x01\x80\0\0\x01Ab")).toBe("A\0b");
});

test("noise is decoded or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
      const block = decodePairs(Buffer.from(noise).toString("latin1"));
      if (block === undefined || block === "") return;
      expect(block.split("\0").length % 2).toBe(0);
    }),
    { numRuns: 2000 },
  );
});
