import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blocks, bytes, cuts, everywhere, feed } from "../../test/support/pieces.ts";
import { encodeUwsgiRequest } from "./encode-uwsgi.ts";
import { createUwsgiReader, readUwsgi } from "./read-uwsgi.ts";

function read(text: string, offsets: readonly number[] = []) {
  const reader = createUwsgiReader();
  const rest = feed(text, offsets, (buffer, start, end) => readUwsgi(reader, buffer, start, end));
  const { block, done, problem } = reader;
  return { block, done, problem, rest };
}

test("a request is a header, then lengths and texts", () => {
  const encoded = encodeUwsgiRequest("REQUEST_METHOD\0GET\0A\0");
  expect(bytes(encoded).toString("hex")).toBe(
    `001a0000${"0e00"}${bytes("REQUEST_METHOD").toString("hex")}0300474554${"010041"}0000`,
  );
  expect(read(`${encoded}body`)).toEqual({
    block: "REQUEST_METHOD\0GET\0A\0",
    done: true,
    problem: "",
    rest: "body",
  });
});

test("what is encoded is decoded, at any split, and no byte more is taken", () => {
  fc.assert(
    fc.property(blocks(200), cuts, (block, offsets) => {
      const encoded = encodeUwsgiRequest(block);
      const expected = { block, done: true, problem: "", rest: "\0\0body" };
      expect(read(`${encoded}\0\0body`, offsets)).toEqual(expected);
      expect(read(`${encoded}\0\0body`, everywhere(encoded))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test.each([
  [65_535 - 5, true],
  [65_535 - 4, false],
  [65_536, false],
  [200_000, false],
])("a value of %i bytes fits: %s", (length, fits) => {
  const block = `A\0${"x".repeat(length)}`;
  const encoded = encodeUwsgiRequest(block);
  expect(encoded !== "").toBe(fits);
  if (fits) expect(read(encoded)).toMatchObject({ block, done: true });
});

test("modifier 30 is a request like any other", () => {
  const encoded = `\x1e${encodeUwsgiRequest("A\0b").slice(1)}`;
  expect(read(encoded)).toMatchObject({ block: "A\0b", done: true, problem: "" });
});

describe("a packet is refused", () => {
  test.each([
    ["another modifier1", "\x64\0\0\0"],
    ["another modifier2", "\0\0\0\x01"],
    ["HTTP", "GET / HTTP/1.1\r\n"],
    ["a name longer than the packet", "\0\x04\0\0\xff\xffAB"],
    ["a value longer than the packet", "\0\x06\0\0\x01\0A\xff\0B"],
    ["a length cut in two", "\0\x04\0\0\x01\0A\0"],
    ["a name without a value", "\0\x03\0\0\x01\0A"],
    ["NUL in a name", "\0\x07\0\0\x02\0A\0\x01\0B"],
    ["NUL in a value", "\0\x07\0\0\x01\0A\x02\0B\0"],
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
  const encoded = encodeUwsgiRequest("REQUEST_METHOD\0GET\0A\0b");
  for (let length = 0; length < encoded.length; length++) {
    expect(read(encoded.slice(0, length))).toEqual({
      block: "",
      done: false,
      problem: "",
      rest: "",
    });
  }
});

test("noise is taken or refused, never thrown at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), cuts, (noise, offsets) => {
      const text = `\0${String.fromCharCode(noise.length)}\0\0${Buffer.from(noise).toString("latin1")}`;
      expect(read(text, offsets)).toEqual(read(text));
    }),
    { numRuns: 1000 },
  );
});
