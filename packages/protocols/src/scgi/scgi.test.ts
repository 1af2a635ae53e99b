import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blocks, cuts, everywhere, feed } from "../../test/support/pieces.ts";
import { encodeScgiRequest } from "./encode-scgi.ts";
import { createScgiReader, maxScgiVariables, readScgi } from "./read-scgi.ts";

function read(text: string, offsets: readonly number[] = []) {
  const reader = createScgiReader();
  const rest = feed(text, offsets, (buffer, start, end) => readScgi(reader, buffer, start, end));
  const { block, done, problem } = reader;
  return { block, done, problem, rest };
}

function netstring(variables: string): string {
  return `${variables.length}:${variables},`;
}

const sound = "CONTENT_LENGTH\x000\0SCGI\x001\0";

test("the example of the specification", () => {
  const block = "REQUEST_METHOD\0POST\0CONTENT_LENGTH\x0027\0REQUEST_URI\0/deepthought";
  const encoded = encodeScgiRequest(block);
  expect(encoded).toBe(
    "70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,",
  );
  expect(read(`${encoded}What is the answer to life?`)).toEqual({
    block: "CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought",
    done: true,
    problem: "",
    rest: "What is the answer to life?",
  });
});

test.each([
  ["A\0b", "CONTENT_LENGTH\x000\0SCGI\x001\0A\0b"],
  ["CONTENT_LENGTH\x005\0A\0b", "CONTENT_LENGTH\x005\0SCGI\x001\0A\0b"],
  ["A\0b\0CONTENT_LENGTH\x005", "CONTENT_LENGTH\x005\0SCGI\x001\0A\0b"],
  ["A\0CONTENT_LENGTH\0B\0c", "CONTENT_LENGTH\x000\0SCGI\x001\0A\0CONTENT_LENGTH\0B\0c"],
  ["A\0SCGI\x001\0b", "CONTENT_LENGTH\x000\0SCGI\x001\0A\0SCGI\x001\0b"],
  ["A\0CONTENT_LENGTH", "CONTENT_LENGTH\x000\0SCGI\x001\0A\0CONTENT_LENGTH"],
])("%j has its length first", (block, expected) => {
  expect(read(encodeScgiRequest(block)).block).toBe(expected);
});

test("what is encoded is decoded, at any split, and no byte more is taken", () => {
  fc.assert(
    fc.property(blocks(200), cuts, (block, offsets) => {
      const encoded = encodeScgiRequest(block);
      const expected = {
        block: `CONTENT_LENGTH\x000\0SCGI\x001\0${block}`,
        done: true,
        problem: "",
        rest: ",9:body",
      };
      expect(read(`${encoded},9:body`, offsets)).toEqual(expected);
      expect(read(`${encoded},9:body`, everywhere(encoded))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

describe("a netstring is refused", () => {
  test.each([
    ["no length", `:${sound},`],
    ["a length of letters", "1a:"],
    ["a negative length", "-1:"],
    ["a length with a leading zero", `0${netstring(sound)}`],
    ["a length that overflows", "99999999999999999999:"],
    ["a length beyond the limit", `${maxScgiVariables + 1}:`],
    ["HTTP", "GET / HTTP/1.1\r\n"],
    ["no comma", netstring(sound).replace(",", ";")],
    ["a length one short", `${sound.length - 1}:${sound},`],
    ["no CONTENT_LENGTH", netstring("SCGI\x001\0A\0b\0")],
    ["CONTENT_LENGTH not first", netstring("SCGI\x001\0CONTENT_LENGTH\x000\0")],
    ["CONTENT_LENGTH that is no number", netstring("CONTENT_LENGTH\0x\0SCGI\x001\0")],
    ["an empty CONTENT_LENGTH", netstring("CONTENT_LENGTH\0\0SCGI\x001\0")],
    ["no SCGI", netstring("CONTENT_LENGTH\x000\0A\0b\0")],
    ["SCGI as a value", netstring("CONTENT_LENGTH\x000\0A\0SCGI\x001\0b\0")],
    ["SCGI 2", netstring("CONTENT_LENGTH\x000\0SCGI\x002\0")],
    ["no NUL at the end", netstring(`${sound}A\0b`)],
    ["nothing", "0:,"],
  ])("with %s", (_what, text) => {
    for (const offsets of [[], everywhere(text)]) {
      const { done, problem, block } = read(text, offsets);
      expect(problem).not.toBe("");
      expect(done).toBe(false);
      expect(block).toBe("");
    }
  });
});

test("any prefix waits for more, without a problem", () => {
  const encoded = netstring(`${sound}A\0b\0`);
  for (let length = 0; length < encoded.length; length++) {
    expect(read(encoded.slice(0, length))).toEqual({
      block: "",
      done: false,
      problem: "",
      rest: "",
    });
  }
});

test("noise is taken or refused, the same way at any split", () => {
  const piece = fc.constantFrom("CONTENT_LENGTH", "\0", "0", "SCGI\x001\0", ":", ",", "A", "12");
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.boolean(),
      cuts,
      (parts, framed, offsets) => {
        const text = framed ? netstring(parts.join("")) : parts.join("");
        expect(read(text, offsets)).toEqual(read(text));
      },
    ),
    { numRuns: 1000 },
  );
});
