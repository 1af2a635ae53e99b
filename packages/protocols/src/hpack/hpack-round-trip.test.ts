/** What the encoder writes the decoder reads, block after block, whatever the table's limits do. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createHpackDecoder } from "./decoder.ts";
import { createHpackEncoder } from "./encoder.ts";

const names = fc.constantFrom(
  ...[":status", "age", "content-type", "date", "etag", "server", "set-cookie", "vary", "x-a"],
  ...["accept-encoding", "x-a-name-of-some-length", "x-request-id", ""],
);
const latin1 = (maxLength: number) =>
  fc
    .uint8Array({ maxLength })
    .map((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"));
const values = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("", "1", "2", "200", "404", "gzip, deflate", "text/html"),
  },
  { weight: 2, arbitrary: latin1(40) },
  { weight: 1, arbitrary: fc.nat({ max: 20_000 }).map((length) => "v".repeat(length)) },
);
const field = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(names, values) },
  { weight: 1, arbitrary: fc.tuple(latin1(200), values) },
);
const blocks = fc.array(
  fc.record({
    limits: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fc.nat({ max: 5000 }), { maxLength: 3 }) },
      { weight: 1, arbitrary: fc.array(fc.nat({ max: 150 }), { maxLength: 3 }) },
    ),
    fields: fc.array(field, { maxLength: 30 }).map((pairs) => pairs.flat()),
  }),
  { maxLength: 20 },
);

test("any blocks in a row are read as they were written", () => {
  fc.assert(
    fc.property(blocks, (list) => {
      const encoder = createHpackEncoder();
      const listBytes = Number.POSITIVE_INFINITY;
      const decoder = createHpackDecoder({ tableBytes: 4096, listBytes });
      for (const { limits, fields } of list) {
        for (const limit of limits) encoder.limitTable(limit);
        const bytes = Buffer.from(encoder.encode(fields), "latin1");
        expect(decoder.decode(bytes, 0, bytes.length)?.fields).toEqual(fields);
      }
    }),
    { numRuns: 400 },
  );
});

test("a decoder with a bound reads the first of the fields and the same sizes", () => {
  fc.assert(
    fc.property(blocks, fc.nat({ max: 3000 }), (list, listBytes) => {
      const encoder = createHpackEncoder();
      const decoder = createHpackDecoder({ tableBytes: 4096, listBytes });
      for (const { limits, fields } of list) {
        for (const limit of limits) encoder.limitTable(limit);
        const bytes = Buffer.from(encoder.encode(fields), "latin1");
        const { kept, size } = within(fields, listBytes);
        expect(decoder.decode(bytes, 0, bytes.length)).toEqual({
          fields: kept,
          bytes: size,
          isTooLarge: kept.length < fields.length,
        });
      }
    }),
    { numRuns: 400 },
  );
});

test("any bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const decoder = createHpackDecoder({ tableBytes: 4096, listBytes: 1000 });
      const block = decoder.decode(bytes, 0, bytes.length);
      expect((block?.fields.length ?? 0) % 2).toBe(0);
    }),
    { numRuns: 3000 },
  );
});

function within(fields: readonly string[], listBytes: number) {
  let size = 0;
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const [name = "", value = ""] = fields.slice(at, at + 2);
    size += name.length + value.length + 32;
    if (size <= listBytes) kept.push(name, value);
  }
  return { kept, size };
}
