import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createBodyReader,
  endBody,
  readBody,
  startBody,
  untilClose,
} from "../../test/support/body-reader.ts";
import { cut } from "../../test/support/message-reader.ts";
import { chunkEnd, chunkStart, lastChunk } from "./chunked.ts";
import { chunkedBody, type Framing, noBody } from "./framing.ts";

interface Read {
  readonly data: string;
  readonly done: boolean;
  readonly problem: string;
  /** What the body left unread. */
  readonly rest: string;
}

function read(framing: Framing, pieces: readonly Buffer[]): Read {
  const reader = createBodyReader();
  startBody(reader, framing);
  let data = "";
  let rest = "";
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length && !reader.done && reader.problem === "") {
      at = readBody(reader, piece, at, piece.length);
      data += piece.toString("latin1", reader.dataStart, reader.dataEnd);
    }
    rest += piece.toString("latin1", at);
  }
  return { data, done: reader.done, problem: reader.problem, rest };
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

test.each([
  [noBody, "", true, "abcdef"],
  [0, "", true, "abcdef"],
  [4, "abcd", true, "ef"],
  [6, "abcdef", true, ""],
  [9, "abcdef", false, ""],
  [untilClose, "abcdef", false, ""],
])("a body of framing %i takes %j", (framing, data, done, rest) => {
  expect(read(framing, [bytes("abc"), bytes("def")])).toEqual({ data, done, problem: "", rest });
});

test("a body that ends with the connection is complete, one cut short is not", () => {
  const reader = createBodyReader();
  startBody(reader, untilClose);
  expect(endBody(reader)).toBe(true);
  startBody(reader, 3);
  expect(endBody(reader)).toBe(false);
  startBody(reader, chunkedBody);
  readBody(reader, bytes("3\r\nabc\r\n0\r\n"), 0, 11);
  expect(endBody(reader)).toBe(false);
});

test("chunks are decoded, extensions and trailers dropped, what follows left", () => {
  const text = '3;a="b c"\r\nabc\r\n00a \r\n'.replace(" \r", "\r");
  const whole = `${text}0123456789\r\n0\r\nX-T: 1\r\nContent-Length: 5\r\n\r\nGET /`;
  expect(read(chunkedBody, [bytes(whole)])).toEqual({
    data: "abc0123456789",
    done: true,
    problem: "",
    rest: "GET /",
  });
});

test("what is encoded in chunks is decoded the same at any split", () => {
  const piece = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 6 }),
      fc.array(fc.nat({ max: 500 }), { maxLength: 20 }),
      (chunks, offsets) => {
        const encoded: Buffer[] = [];
        for (const chunk of chunks) {
          encoded.push(bytes(chunkStart(chunk.length)), chunk, bytes(chunkEnd));
        }
        const whole = Buffer.concat([...encoded, bytes(`${lastChunk}next`)]);
        expect(read(chunkedBody, cut(whole, offsets))).toEqual({
          data: Buffer.concat(chunks).toString("latin1"),
          done: true,
          problem: "",
          rest: "next",
        });
      },
    ),
    { numRuns: 400 },
  );
});

describe("a chunked body is refused", () => {
  test.each([
    ["a long extension", `1;${"x".repeat(300)}\r\na\r\n`],
    ["extensions and hardly any data", `1;${"x".repeat(200)}\r\na\r\n`.repeat(100)],
    ["a control character in an extension", "1;\x01\r\na\r\n"],
    ["NUL in an extension", "1;\0\r\na\r\n"],
    ["a size of 13 digits", "1000000000001\r\na\r\n"],
    ["a chunk longer than its size", "1\r\nab\r\n"],
    ["a chunk shorter than its size", "3\r\nab\r\n0\r\n\r\n"],
    ["a trailer without a name", "0\r\n: 1\r\n\r\n"],
    ["a trailer with a space in its name", "0\r\nX T: 1\r\n\r\n"],
    ["a space before a trailer's colon", "0\r\nX-T : 1\r\n\r\n"],
    ["a folded trailer", "0\r\nX-T: 1\r\n 2\r\n\r\n"],
    ["a bare CR in a trailer", "0\r\nX-T: 1\r2\r\n\r\n"],
    ["a bare LF after a trailer", "0\r\nX-T: 1\n\r\n"],
    ["NUL in a trailer", "0\r\nX-T: \0\r\n\r\n"],
    ["trailers beyond 8 KB", `0\r\n${"X-T: 1\r\n".repeat(2000)}\r\n`],
    ["a request in place of its end", "0\r\nGET / HTTP/1.1\r\n\r\n"],
    ["no CR after the last chunk", "0\r\n\n"],
  ])("with %s", (_what, text) => {
    const { done, problem } = read(chunkedBody, [bytes(text)]);
    expect(done).toBe(false);
    expect(problem).not.toBe("");
  });
});
