import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cuts, everywhere, feed } from "../../test/support/pieces.ts";
import { encodeAnswerEnd, encodeEndRequest, encodeOutput, encodeValues } from "./encode-fastcgi.ts";
import {
  createFastcgiAnswerReader,
  readFastcgiAnswer,
  resetFastcgiAnswerReader,
} from "./read-fastcgi-answer.ts";
import { encodeRecord, recordType } from "./records.ts";

const { stdout, stderr } = recordType;

function read(text: string, offsets: readonly number[] = [], reader = createFastcgiAnswerReader()) {
  const found = { stdout: "", stderr: "" };
  const rest = feed(text, offsets, (buffer, start, end) => {
    let at = start;
    while (at < end && !reader.done && reader.problem === "") {
      at = readFastcgiAnswer(reader, buffer, at, end);
      found[reader.stream] += buffer.toString("latin1", reader.dataStart, reader.dataEnd);
    }
    return at;
  });
  const { done, problem, appStatus, protocolStatus } = reader;
  return { ...found, rest, done, problem, appStatus, protocolStatus };
}

const complete = { done: true, problem: "", appStatus: 0, protocolStatus: 0 };

test("output and errors come apart, in the order they were written", () => {
  const text = `${encodeOutput(stdout, 1, "a\n")}${encodeOutput(stderr, 1, "warn")}${encodeOutput(stdout, 1, "b")}${encodeAnswerEnd(1)}`;
  const expected = { ...complete, stdout: "a\nb", stderr: "warn", rest: "next" };
  expect(read(`${text}next`)).toEqual(expected);
  expect(read(`${text}next`, everywhere(text))).toEqual(expected);
});

test("any output is read at any split, with any padding", () => {
  const piece = fc.record({
    type: fc.constantFrom(stdout, stderr),
    text: fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 100 }),
    padding: fc.nat({ max: 255 }),
  });
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.nat({ max: 2 ** 31 }),
      cuts,
      (pieces, status, offsets) => {
        const records = pieces.map(
          ({ type, text, padding }) =>
            String.fromCharCode(1, type, 0, 1, 0, text.length, padding, 9) +
            text +
            "\xff".repeat(padding),
        );
        const text = records.join("") + encodeEndRequest(1, status, 0);
        const of = (wanted: number) =>
          pieces
            .filter(({ type }) => type === wanted)
            .map((found) => found.text)
            .join("");
        expect(read(`${text}\x01`, offsets)).toEqual({
          ...complete,
          appStatus: status,
          stdout: of(stdout),
          stderr: of(stderr),
          rest: "\x01",
        });
      },
    ),
    { numRuns: 300 },
  );
});

test("a megabyte is read whole", () => {
  const body = "0123456789abcdef".repeat(65_536);
  const { stdout: found, done } = read(
    encodeOutput(stdout, 1, body) + encodeAnswerEnd(1),
    [70_000, 3],
  );
  expect(done).toBe(true);
  expect(found === body).toBe(true);
});

test("padding after the end belongs to the answer", () => {
  const end = `\x01\x03\0\x01\0\x08\x05\0${"\0".repeat(8)}`;
  expect(read(end)).toMatchObject({ done: false, problem: "" });
  expect(read(`${end}\0\0\0\0`)).toMatchObject({ done: false });
  expect(read(`${end}\0\0\0\0\0x`)).toMatchObject({ done: true, rest: "x" });
});

test("one reader serves one answer after the other", () => {
  const reader = createFastcgiAnswerReader();
  const answer = (text: string) => encodeOutput(stdout, 1, text) + encodeAnswerEnd(1);
  expect(read(answer("one"), [], reader)).toMatchObject({ done: true, stdout: "one" });
  resetFastcgiAnswerReader(reader);
  expect(read(answer("two"), [5], reader)).toMatchObject({
    done: true,
    stdout: "two",
    problem: "",
  });
});

test.each([
  [1, "one request"],
  [2, "overloaded"],
  [3, "no FastCGI responder"],
  [200, "unknown"],
])("a request ended with protocol status %i was not served: %s", (status, words) => {
  const found = read(encodeEndRequest(1, 0, status));
  expect(found).toMatchObject({ done: true, protocolStatus: status });
  expect(found.problem).toContain(words);
});

test("answers about the server itself are read past", () => {
  const text =
    encodeValues("FCGI_MPXS_CONNS\x000") + encodeOutput(stdout, 1, "a") + encodeAnswerEnd(1);
  expect(read(text)).toMatchObject({ ...complete, stdout: "a" });
});

describe("an answer is refused", () => {
  test.each([
    ["HTTP", "HTTP/1.1 200 OK\r\n"],
    ["version 2", "\x02\x06\0\x01\0\0\0\0"],
    ["request 0", encodeOutput(stdout, 0, "x")],
    ["request 2", encodeOutput(stdout, 2, "x")],
    ["request 256", encodeOutput(stdout, 256, "x")],
    ["type 255", encodeRecord(255, 1, "x")],
    ["type 255 of no request", encodeRecord(255, 0, "x")],
    ["STDIN", encodeRecord(recordType.stdin, 1, "x")],
    ["BEGIN_REQUEST", encodeRecord(recordType.beginRequest, 1, "\0".repeat(8))],
    ["GET_VALUES", encodeRecord(recordType.getValues, 0, "")],
    ["END_REQUEST of no request", encodeEndRequest(0, 0, 0)],
    ["END_REQUEST of nothing", encodeRecord(recordType.endRequest, 1, "")],
    ["END_REQUEST of 9 bytes", encodeRecord(recordType.endRequest, 1, "\0".repeat(9))],
    ["output after its end", encodeRecord(stdout, 1, "") + encodeOutput(stdout, 1, "x")],
    ["empty records without end", encodeRecord(stderr, 1, "").repeat(10_000)],
    ["empty output without end", encodeRecord(stdout, 1, "").repeat(10_000)],
    ["values without end", encodeRecord(10, 0, "x".repeat(60_000)).repeat(2)],
  ])("with %s", (_what, text) => {
    for (const offsets of [[], [1, 7, 9]]) {
      const found = read(text, offsets);
      expect(found.problem).not.toBe("");
      expect(found.done).toBe(false);
    }
  });
});

test("an answer that is cut anywhere is not complete", () => {
  const text = encodeOutput(stdout, 1, "abc") + encodeAnswerEnd(1);
  for (let length = 0; length < text.length; length++) {
    expect(read(text.slice(0, length))).toMatchObject({ done: false, problem: "" });
  }
});

test("noise is read or refused the same way at any split", () => {
  const noise = fc
    .array(
      fc.tuple(
        fc.constantFrom(1, 1, 1, 1, 2),
        fc.constantFrom(3, 6, 6, 7, 10, 255),
        fc.constantFrom(0, 1, 1, 1, 2),
        fc.constantFrom(0, 1, 8, 8),
        fc.nat({ max: 9 }),
      ),
      { maxLength: 8 },
    )
    .map((records) =>
      records
        .map(
          ([version, type, id, length, padding]) =>
            String.fromCharCode(version, type, 0, id, 0, length, padding, 0) +
            "\x01".repeat(length) +
            "\0".repeat(padding),
        )
        .join(""),
    );
  fc.assert(
    fc.property(noise, cuts, (text, offsets) => {
      expect(read(text, offsets)).toEqual(read(text));
    }),
    { numRuns: 1500 },
  );
});
