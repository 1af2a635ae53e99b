/**
 * Bytes in pieces, as a connection's reader gets them: each in the same buffer, which is overwritten
 * when the call is over, so that a view that was kept shows.
 */
import fc from "fast-check";
import { cut } from "./message-reader.ts";

/** Offsets to cut at. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.nat({ max: 5000 }), { maxLength: 16 });

/** latin-1 text as its bytes. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Gives `take` the text in pieces; it answers where it stopped, and is not asked for the rest. */
export function feed(
  text: string,
  offsets: readonly number[],
  take: (buffer: Buffer, start: number, end: number) => number,
): string {
  const pieces = cut(bytes(text), offsets);
  const shared = Buffer.alloc(7 + Math.max(0, ...pieces.map((piece) => piece.length)));
  let read = 0;
  for (const piece of pieces) {
    piece.copy(shared, 3);
    const stopped = take(shared, 3, 3 + piece.length) - 3;
    shared.fill(0xee);
    read += stopped;
    if (stopped < piece.length) break;
  }
  return text.slice(read);
}

/** Every offset: byte by byte. */
export function everywhere(text: string): number[] {
  return Array.from(text, (_char, index) => index);
}

/** Variables as a client may have sent them: any latin-1 text but NUL, which the block has no room for. */
export function blocks(maxLength: number): fc.Arbitrary<string> {
  const word = fc
    .uint8Array({ maxLength })
    .map((array) => Buffer.from(array).toString("latin1").replaceAll("\0", "x"));
  return fc
    .array(fc.tuple(word, word), { minLength: 1, maxLength: 8 })
    .map((pairs) => pairs.flat().join("\0"));
}
