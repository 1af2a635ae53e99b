import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../test/support/requests.ts";
import { headerValue } from "../http/head-lines.ts";
import { createResponseHead, type ResponseHead } from "../http/response-head.ts";
import { findCgiHeadEnd } from "./find-cgi-head-end.ts";
import { parseCgiResponse } from "./parse-cgi-response.ts";

function read(raw: string, method = "GET"): { result: number; head: ResponseHead; rest: string } {
  const head = createResponseHead();
  const end = findCgiHeadEnd(raw, 0, 0, limits);
  if (end <= 0) return { result: end, head, rest: "" };
  return {
    result: parseCgiResponse(raw, 0, end, limits, method, head),
    head,
    rest: raw.slice(end),
  };
}

test.each<readonly [string, Partial<ResponseHead>]>([
  ["Content-Type: a/b\r\n\r\n", { status: 200, reason: "OK", body: "until-close" }],
  ["Content-Type: a/b\n\n", { status: 200, forwardable: "Content-Type: a/b\r\n" }],
  [
    "Status: 404 Not There\r\nA: b\r\n\r\n",
    { status: 404, reason: "Not There", forwardable: "A: b\r\n" },
  ],
  ["A: b\nstatus:404\n\n", { status: 404, reason: "Not Found", forwardable: "A: b\r\n" }],
  ["Status: 299\n\n", { status: 299, reason: "" }],
  ["STATUS: 503 \r\n\r\n", { status: 503, reason: "Service Unavailable" }],
  ["Location: /x\n\n", { status: 302, reason: "Found", forwardable: "Location: /x\r\n" }],
  ["location: http://a/\nStatus: 201 Made\n\n", { status: 201, reason: "Made" }],
  ["A: b\nContent-Length: 5\n\n", { body: "length", contentLength: 5, forwardable: "A: b\r\n" }],
  ["Status: 204 X\nContent-Type: a/b\n\n", { status: 204, body: "none" }],
  ['Status: 304 X\nETag: "a"\n\n', { status: 304, body: "none" }],
  [
    "A: b\nConnection: keep-alive, x\nX: 1\nKeep-Alive: 5\n\n",
    { forwardable: "A: b\r\n", keepAlive: false },
  ],
  ["A: b\nTransfer-Encoding: chunked\n\n", { body: "until-close", forwardable: "A: b\r\n" }],
  ["A: b\nX-Accel-Redirect: /secret\n\n", { forwardable: "A: b\r\n" }],
  ["A: b\r\nC: d\n\r\n", { forwardable: "A: b\r\nC: d\r\n" }],
  ["A: b\nC: d\r\n\n", { forwardable: "A: b\r\nC: d\r\n" }],
  ["Date: x\nA: \xe9\t\n\n", { hasDate: true, forwardable: "Date: x\r\nA: \xe9\t\r\n" }],
  ["HTTP/1.1 418 Teapot\r\nA: b\r\n\r\n", { status: 418, reason: "Teapot", keepAlive: false }],
  ["HTTP/1.0 200 OK\nA: b\n\n", { status: 200, minor: 0, body: "until-close" }],
  ["HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", { status: 103, body: "none" }],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", { body: "chunked" }],
])("%j is an answer", (raw, expected) => {
  const { result, head, rest } = read(`${raw}body`);
  expect(result, head.problem).toBe(0);
  expect(head).toMatchObject(expected);
  expect(rest).toBe("body");
});

test("orders to us are there to be read", () => {
  expect(headerValue(read("X-Accel-Redirect: /p\n\n").head, "x-accel-redirect")).toBe("/p");
});

test("an answer to HEAD has no body", () => {
  const { head } = read("Content-Length: 5\n\n", "HEAD");
  expect(head).toMatchObject({ body: "none", contentLength: 5 });
});

describe("an answer is refused", () => {
  test.each([
    ["nothing", "\r\n"],
    ["nothing, LF", "\n"],
    ["two Status", "Status: 200 OK\nStatus: 200 OK\n\n"],
    ["a Status of two digits", "Status: 20\n\n"],
    ["a Status of four digits", "Status: 2000\n\n"],
    ["a Status that is a word", "Status: OK\n\n"],
    ["an empty Status", "Status:\n\n"],
    ["a Status of 1xx", "Status: 101 Switching Protocols\n\n"],
    ["a Status of 600", "Status: 600 X\n\n"],
    ["a control character in Status", "Status: 200 O\x01K\n\n"],
    ["a vertical tab after Status", "Status: 200 OK\x0b\n\n"],
    ["NUL", "A: \0\n\n"],
    ["a bare CR", "A: b\rC: d\n\n"],
    ["two CR", "A: b\r\r\n\n"],
    ["a folded line", "A: b\n c\n\n"],
    ["no colon", "Hello\n\n"],
    ["a page without head", "<html>\n\n"],
    ["a space before the colon", "A : b\n\n"],
    ["no name", ": b\n\n"],
    ["two lengths", "Content-Length: 1\nContent-Length: 1\n\n"],
    ["a length that is no number", "Content-Length: x\n\n"],
    ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
    ["a broken status line", "HTTP/1.1 OK\r\n\r\n"],
    ["too many lines", `${"A: b\n".repeat(101)}\n`],
  ])("with %s", (_what, raw) => {
    const { result, head } = read(raw);
    expect(result).toBe(502);
    expect(head.problem).not.toBe("");
  });

  test("that is longer than a head may be, whole or not", () => {
    expect(read(`A: ${"x".repeat(limits.headerBytes)}\n\n`).result).toBe(-502);
    expect(read("x".repeat(limits.headerBytes)).result).toBe(-502);
  });
});

test.each([["A: b"], ["A: b\r\n"], ["A: b\r\n\r"], [""], ["\r"]])("%j may go on", (raw) => {
  expect(findCgiHeadEnd(raw, 0, 0, limits)).toBe(0);
});

test("the end is found wherever the head is cut, and wherever it begins", () => {
  const line = fc.constantFrom("A: b", "C:", "", "\r", "Status: 200");
  const end = fc.constantFrom("\n", "\r\n");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(line, end), { maxLength: 6 }),
      fc.nat({ max: 3 }),
      (lines, pad) => {
        const raw = "z".repeat(pad) + lines.map((pair) => pair.join("")).join("");
        const whole = findCgiHeadEnd(raw, pad, pad, limits);
        let found = 0;
        for (let length = pad; length <= raw.length && found === 0; length++) {
          found = findCgiHeadEnd(raw.slice(0, length), pad, Math.max(pad, length - 1), limits);
        }
        expect(found).toBe(whole);
      },
    ),
    { numRuns: 1000 },
  );
});
