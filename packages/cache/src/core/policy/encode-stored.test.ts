import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeStored, encodeStored } from "./encode-stored.ts";
import type { StoredAnswer } from "./stored-answer.ts";

const name = fc.stringMatching(/^[a-z][a-z-]{0,10}$/);
/** A field value: visible latin-1, spaces and tabs inside, no line break. */
const value = fc.stringMatching(/^[!-~\xa0-\xff](?:[ \t!-~\xa0-\xff]{0,20}[!-~\xa0-\xff])?$/);
const moment = fc.integer({ min: 0, max: 4e12 });
const window = fc.integer({ min: -1, max: 2 ** 31 * 1000 });

const answers: fc.Arbitrary<StoredAnswer> = fc
  .record({
    status: fc.integer({ min: 200, max: 999 }),
    reason: fc.oneof(fc.constant(""), value),
    fields: fc
      .array(fc.tuple(name, value))
      .map((lines) => lines.map(([key, text]) => `${key}: ${text}\r\n`).join("")),
    receivedAt: moment,
    bornAt: moment,
    freshUntil: moment,
    modifiedAt: moment,
    alwaysValidate: fc.boolean(),
    neverStale: fc.boolean(),
    staleWhileRevalidateMs: window,
    staleIfErrorMs: window,
    etag: fc.oneof(fc.constant(""), value),
    lastModified: fc.oneof(fc.constant(""), value),
    selection: fc.array(fc.tuple(name, fc.oneof(fc.constant(""), value)), { maxLength: 4 }),
    tags: fc.array(name),
    release: fc.oneof(fc.constant(""), name),
  })
  .map(({ selection, ...rest }) => ({
    ...rest,
    kind: "answer",
    vary: selection.map(([field]) => field),
    selectedBy: selection.map(([, text]) => (text === "" ? "" : `:${text.replaceAll("\t", " ")}`)),
  }));

test("an answer survives a store unchanged", () => {
  fc.assert(
    fc.property(answers, (answer) => {
      expect(decodeStored(encodeStored(answer))).toEqual(answer);
    }),
  );
});

test("an index of variants survives a store unchanged", () => {
  const index = { kind: "variants", id: "k3x", vary: ["accept", "foo"] } as const;
  expect(decodeStored(encodeStored(index))).toEqual(index);
});

test("what was cut off, changed or written by others is nothing, or at least no error", () => {
  fc.assert(
    fc.property(answers, fc.nat(), fc.string(), (answer, cut, noise) => {
      const meta = encodeStored(answer);
      const at = cut % meta.length;
      const head = meta.slice(0, meta.length - answer.fields.length);
      if (at < head.length - 1) expect(decodeStored(meta.slice(0, at))).toBeUndefined();
      expect(() => decodeStored(meta.slice(0, at) + noise + meta.slice(at))).not.toThrow();
      expect(decodeStored(noise)).toBeUndefined();
    }),
  );
});

test.for([
  "",
  "A1",
  "A2 200",
  "A1 200 0 1 2 3 4 5\n\n\n\n\n\n\n\n",
  "V1 ",
  "V1 a",
  "V1 a  b",
  "{}",
])("%j is nothing", (meta) => {
  expect(decodeStored(meta)).toBeUndefined();
});
