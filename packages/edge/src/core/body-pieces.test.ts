import { expect, test } from "vitest";
import { appendPiece } from "./body-pieces.ts";

function keep(sizes: readonly number[], pieces: Buffer[] = []): Buffer {
  let block: Buffer | undefined;
  let next = 0;
  const all = sizes.map((size) => Buffer.from(Array.from({ length: size }, () => next++ % 251)));
  for (const piece of all) block = appendPiece(pieces, piece, block);
  return Buffer.concat(all);
}

test.for<[what: string, sizes: readonly number[], kept: number]>([
  ["one", [5], 1],
  ["20,000 bytes one by one", Array<number>(20_000).fill(1), 3],
  ["large ones", [65_536, 65_536, 8_192], 3],
  ["small ones after large ones", [65_536, 10, 10, 65_536, 10], 4],
  ["what just fits", [8_000, 192, 1], 2],
])("%s: no byte is lost, and few pieces are kept", ([, sizes, kept]) => {
  const pieces: Buffer[] = [];
  const all = keep(sizes, pieces);
  expect(Buffer.concat(pieces)).toEqual(all);
  expect(pieces).toHaveLength(kept);
});

test("what was taken away is never written to again", () => {
  const pieces: Buffer[] = [];
  let block = appendPiece(pieces, Buffer.from("a"), undefined);
  block = appendPiece(pieces, Buffer.from("b"), block);
  const [taken] = pieces.splice(0, 1);
  block = appendPiece(pieces, Buffer.from("c"), block);
  block = appendPiece(pieces, Buffer.from("d"), block);
  expect(taken?.toString()).toBe("ab");
  expect(pieces.map(String)).toEqual(["cd"]);
});
