import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blocks, bytes, cuts, everywhere, feed } from "../../test/support/pieces.ts";
import {
  abortRequest,
  encodeEndRequest,
  encodeFastcgiRequest,
  encodeUnknownType,
  encodeValues,
  stdinEnd,
  stdinStart,
} from "./encode-fastcgi.ts";
import { encodePairs } from "./pairs.ts";
import {
  createFastcgiRequestReader,
  finishFastcgiRequest,
  readFastcgiRequest,
} from "./read-fastcgi-request.ts";
import { encodeRecord, recordPadding, recordType } from "./records.ts";

const block = "REQUEST_METHOD\0GET\0A\0b";

/** What came, a line per event; pieces of body joined. `finish` answers each request at its end. */
function read(text: string, offsets: readonly number[] = [], finish = true) {
  const reader = createFastcgiRequestReader();
  const events: string[] = [];
  let body = "";
  feed(text, offsets, (buffer, start, end) => {
    let at = start;
    while (at < end && reader.problem === "") {
      at = readFastcgiRequest(reader, buffer, at, end);
      switch (reader.event) {
        case "params":
          events.push(`params ${reader.id} ${reader.keepOpen} ${reader.block}`);
          break;
        case "stdin":
          body += buffer.toString("latin1", reader.dataStart, reader.dataEnd);
          break;
        case "stdinEnd":
          events.push(`body ${body}`);
          body = "";
          if (finish) finishFastcgiRequest(reader);
          break;
        case "abort":
          events.push("abort");
          finishFastcgiRequest(reader);
          break;
        case "reply":
          events.push(`reply ${reader.reply}`);
          break;
        default:
      }
    }
    return at;
  });
  return { events, problem: reader.problem };
}

function piece(text: string): string {
  return stdinStart(text.length) + text + recordPadding(text.length);
}

function begin(id: number, role = 1, flags = 0): string {
  return encodeRecord(
    recordType.beginRequest,
    id,
    `\0${String.fromCharCode(role, flags)}\0\0\0\0\0`,
  );
}

test("the bytes of a request are those of the specification", () => {
  expect(bytes(encodeFastcgiRequest("A\0b", true)).toString("hex")).toBe(
    "0101000100080000" +
      "0001010000000000" +
      "0104000100040400" +
      "0101416200000000" +
      "0104000100000000",
  );
  expect(bytes(stdinEnd).toString("hex")).toBe("0105000100000000");
});

test("requests come one after the other on one connection", () => {
  const text =
    encodeFastcgiRequest(block, true) +
    piece("abc") +
    piece("defghijk") +
    stdinEnd +
    encodeFastcgiRequest("X\0", false) +
    stdinEnd;
  const events = [`params 1 true ${block}`, "body abcdefghijk", "params 1 false X\0", "body "];
  expect(read(text)).toEqual({ events, problem: "" });
  expect(read(text, everywhere(text))).toEqual({ events, problem: "" });
});

test("any request is read at any split, however long its variables", () => {
  fc.assert(
    fc.property(
      blocks(200),
      fc.array(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 50 }), { maxLength: 5 }),
      cuts,
      (variables, pieces, offsets) => {
        const text = encodeFastcgiRequest(variables, true) + pieces.map(piece).join("") + stdinEnd;
        const events = [`params 1 true ${variables}`, `body ${pieces.join("")}`];
        expect(read(text, offsets)).toEqual({ events, problem: "" });
      },
    ),
    { numRuns: 80 },
  );
});

test("variables of more than a record are cut into several", () => {
  const long = `A\0${"x".repeat(100_000)}\0B\0c`;
  const { events } = read(encodeFastcgiRequest(long, false), [65_000, 70_000]);
  expect(events).toEqual([`params 1 false ${long}`]);
});

test("the client's own id is kept", () => {
  const text =
    begin(0x1234) +
    encodeRecord(recordType.params, 0x1234, encodePairs(block)) +
    encodeRecord(recordType.params, 0x1234, "") +
    encodeRecord(recordType.stdin, 0x1234, "");
  expect(read(text).events).toEqual([`params ${0x1234} false ${block}`, "body "]);
});

test("an abort is told, and the next request is read", () => {
  const text =
    encodeFastcgiRequest(block, true) + abortRequest + encodeFastcgiRequest("X\0y", true);
  expect(read(text).events).toEqual([`params 1 true ${block}`, "abort", "params 1 true X\0y"]);
});

test("the body of a request that was answered early is read past", () => {
  const reader = createFastcgiRequestReader();
  const events: string[] = [];
  const body = "x".repeat(60_000);
  const text =
    encodeFastcgiRequest(block, true) +
    piece(body) +
    piece(body) +
    stdinEnd +
    encodeFastcgiRequest("X\0y", true);
  feed(text, [100], (buffer, start, end) => {
    let at = start;
    while (at < end && reader.problem === "") {
      at = readFastcgiRequest(reader, buffer, at, end);
      if (reader.event !== "none") events.push(reader.event);
      if (events.length === 1 && reader.id !== 0) finishFastcgiRequest(reader);
    }
    return at;
  });
  expect(reader.problem).toBe("");
  expect(events).toEqual(["params", "params"]);
});

test("a second request at the same time is turned away, the first goes on", () => {
  const text =
    encodeFastcgiRequest(block, true) +
    begin(2) +
    encodeRecord(recordType.params, 2, "abc") +
    encodeRecord(recordType.stdin, 2, "") +
    stdinEnd;
  expect(read(text)).toEqual({
    events: [`params 1 true ${block}`, `reply ${encodeEndRequest(2, 0, 1)}`, "body "],
    problem: "",
  });
});

test.each([[2], [3], [0], [255]])("role %i is turned away", (role) => {
  expect(read(begin(1, role) + encodeFastcgiRequest(block, false)).events).toEqual([
    `reply ${encodeEndRequest(1, 0, 3)}`,
    `params 1 false ${block}`,
  ]);
});

test("what asks about us is answered, also within a request", () => {
  const values = encodeRecord(
    recordType.getValues,
    0,
    encodePairs("FCGI_MAX_CONNS\0\0FCGI_MPXS_CONNS\0"),
  );
  const params = encodeRecord(recordType.params, 1, encodePairs(block));
  const text = values + begin(1) + params + values + encodeRecord(recordType.params, 1, "");
  const reply = `reply ${encodeValues("FCGI_MPXS_CONNS\x000")}`;
  expect(read(text).events).toEqual([reply, reply, `params 1 false ${block}`]);
});

test("other management records are unknown to us, and said to be", () => {
  expect(read(encodeRecord(77, 0, "abc")).events).toEqual([`reply ${encodeUnknownType(77)}`]);
  expect(bytes(encodeUnknownType(77)).toString("hex")).toBe(
    "010b000000080000" + "4d00000000000000",
  );
});

describe("a connection is refused", () => {
  const open = encodeFastcgiRequest(block, false);
  test.each([
    ["HTTP", "GET / HTTP/1.1\r\n\r\n"],
    ["version 2", "\x02\x01\0\x01\0\x08\0\0"],
    ["BEGIN_REQUEST of id 0", begin(0)],
    ["PARAMS of id 0", encodeRecord(recordType.params, 0, "abc")],
    ["type 0", encodeRecord(0, 0, "")],
    ["a short BEGIN_REQUEST", encodeRecord(recordType.beginRequest, 1, "\0\x01\0")],
    ["a second BEGIN_REQUEST of the same id", begin(1) + begin(1)],
    ["STDIN before the end of PARAMS", begin(1) + piece("x")],
    ["PARAMS after their end", open + encodeRecord(recordType.params, 1, "\0\0")],
    ["STDIN after its end", open + stdinEnd + piece("x")],
    ["STDOUT", open + encodeRecord(recordType.stdout, 1, "x")],
    ["type 255 within a request", open + encodeRecord(255, 1, "x")],
    [
      "PARAMS that overflow",
      begin(1) +
        encodeRecord(recordType.params, 1, "\xff\xff\xff\xff\xff\xff\xff\xff") +
        encodeRecord(recordType.params, 1, ""),
    ],
    [
      "PARAMS cut short",
      begin(1) +
        encodeRecord(recordType.params, 1, "\x05\x05abc") +
        encodeRecord(recordType.params, 1, ""),
    ],
    [
      "PARAMS with NUL",
      begin(1) +
        encodeRecord(recordType.params, 1, "\x01\x01\0b") +
        encodeRecord(recordType.params, 1, ""),
    ],
    [
      "PARAMS without end",
      begin(1) + encodeRecord(recordType.params, 1, "x".repeat(60_000)).repeat(3),
    ],
    ["GET_VALUES that overflow", encodeRecord(recordType.getValues, 0, "\xff")],
    ["long GET_VALUES", encodeRecord(recordType.getValues, 0, "\0".repeat(4097))],
    ["GET_VALUES without end", encodeRecord(recordType.getValues, 0, "").repeat(10_000)],
    ["unknown types without end", encodeRecord(99, 0, "x").repeat(10_000)],
    ["requests of no known role without end", begin(1, 9).repeat(10_000)],
    [
      "records of no request without end",
      encodeRecord(recordType.stdin, 7, "x".repeat(40_000)).repeat(2),
    ],
    ["aborts of nothing without end", encodeRecord(recordType.abortRequest, 7, "").repeat(10_000)],
  ])("with %s", (_what, text) => {
    for (const offsets of [[], [1, 7, 9]]) {
      expect(read(text, offsets, false).problem).not.toBe("");
    }
  });
});

test("noise is read or refused the same way at any split", () => {
  const noise = fc
    .array(
      fc.tuple(
        fc.constantFrom(1, 1, 1, 1, 1, 2, 4, 4, 5, 5, 9, 12),
        fc.constantFrom(0, 1, 1, 1, 1, 2),
        fc.constantFrom(0, 0, 2, 8, 8),
        fc.nat({ max: 9 }),
        fc.constantFrom("\0\x01", "\x01\0", "\0\0"),
      ),
      { maxLength: 10 },
    )
    .map((records) =>
      records
        .map(
          ([type, id, length, padding, content]) =>
            String.fromCharCode(1, type, 0, id, 0, length, padding, 0) +
            content.repeat(4).slice(0, length) +
            "\0".repeat(padding),
        )
        .join(""),
    );
  fc.assert(
    fc.property(noise, cuts, (text, offsets) => {
      const opened = begin(1) + text;
      expect(read(text, offsets)).toEqual(read(text));
      expect(read(opened, offsets)).toEqual(read(opened));
    }),
    { numRuns: 1500 },
  );
});
