import fc from "fast-check";
import { expect, test } from "vitest";
import { createFieldCounter } from "./field-counter.ts";

/** RFC 7541 §5.1. */
function integer(value: number, bits: number, pattern: number): number[] {
  const most = 2 ** bits - 1;
  if (value < most) return [pattern | value];
  const bytes = [pattern | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const text = fc
  .tuple(fc.uint8Array({ maxLength: 400 }), fc.boolean())
  .map(([bytes, huffman]) => [...integer(bytes.length, 7, huffman ? 0x80 : 0), ...bytes]);

const index = fc.oneof(fc.integer({ min: 1, max: 61 }), fc.integer({ min: 62, max: 5_000 }));

const field = fc.oneof(
  index.map((at) => integer(at, 7, 0x80)),
  fc
    .tuple(fc.constantFrom([6, 0x40] as const, [4, 0] as const, [4, 0x10] as const), index, text)
    .map(([[bits, pattern], at, value]) => [...integer(at, bits, pattern), ...value]),
  fc
    .tuple(fc.constantFrom(0x40, 0, 0x10), text, text)
    .map(([pattern, name, value]) => [pattern, ...name, ...value]),
);
const tableSize = fc.integer({ min: 0, max: 65_536 }).map((size) => integer(size, 5, 0x20));

test("fields are counted, whatever their form and however their bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 9, arbitrary: field }, tableSize), { maxLength: 40 }),
      fc.array(fc.nat(200), { minLength: 1 }),
      (parts, steps) => {
        const bytes = Uint8Array.from(parts.flat());
        const fields = parts.filter(([byte = 0]) => (byte & 0xe0) !== 0x20).length;
        const counter = createFieldCounter();
        counter.read(bytes, 0, bytes.length);
        expect(counter.count()).toBe(fields);
        counter.reset();
        let at = 0;
        for (let turn = 0; at < bytes.length; turn += 1) {
          const end = Math.min(bytes.length, at + 1 + (steps[turn % steps.length] ?? 0));
          counter.read(bytes, at, end);
          at = end;
        }
        expect(counter.count()).toBe(fields);
      },
    ),
  );
});
