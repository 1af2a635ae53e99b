import { describe, expect, test } from "vitest";
import { limits } from "../../test/support/requests.ts";
import { date, parseAnswer, passedOn } from "../../test/support/responses.ts";
import { parseWorkerHead } from "./parse-response.ts";
import { statusLine } from "./reasons.ts";
import { createResponseHead } from "./response-head.ts";

const ok = "HTTP/1.1 200 OK\r\n";

const refused: readonly (readonly [what: string, raw: string])[] = [
  ["CL + TE", `${ok}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ["two CL", `${ok}Content-Length: 3\r\nContent-Length: 3\r\n\r\n`],
  ["CL 3, 3", `${ok}Content-Length: 3, 3\r\n\r\n`],
  ["CL +3", `${ok}Content-Length: +3\r\n\r\n`],
  ["CL of 20 digits", `${ok}Content-Length: 18446744073709551619\r\n\r\n`],
  ["TE gzip", `${ok}Transfer-Encoding: gzip\r\n\r\n`],
  ["TE gzip, chunked", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ["TE twice", `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ["TE in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["space before the colon", `${ok}X-A : 1\r\n\r\n`],
  ["obs-fold", `${ok}X-A: 1\r\n 2\r\n\r\n`],
  ["NUL", `${ok}X-A: 1\x00\r\n\r\n`],
  ["bare CR", `${ok}X-A: 1\r2\r\n\r\n`],
  ["bare LF", "HTTP/1.1 200 OK\nX-A: 1\n\n"],
  ["a control character in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n"],
  ["white space after the status line", `${ok} X-A: 1\r\n\r\n`],
  ["status 600", "HTTP/1.1 600 X\r\n\r\n"],
  ["status 20", "HTTP/1.1 20 X\r\n\r\n"],
  ["status 2000", "HTTP/1.1 2000 X\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["another protocol", "ICY 200 OK\r\n\r\n"],
  ["no status line", "\r\n\r\n"],
  ["200 headers", `${ok}${"X-A: 1\r\n".repeat(200)}\r\n`],
  ["64 KB of headers", `${ok}X-A: ${"a".repeat(65_536)}\r\n\r\n`],
];

test.each(refused)("an answer with %s is a bad gateway", (_what, raw) => {
  const { status, head } = parseAnswer(raw);
  expect(status).toBe(502);
  expect(head.keepAlive).toBe(false);
});

const bodies: readonly (readonly [
  raw: string,
  method: string,
  body: string,
  keepAlive: boolean,
])[] = [
  [`${ok}Content-Length: 3\r\n\r\n`, "GET", "length", true],
  [`${ok}Transfer-Encoding: chunked\r\n\r\n`, "GET", "chunked", true],
  [`${ok}\r\n`, "GET", "until-close", false],
  ["HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", "GET", "length", false],
  ["HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n", "GET", "length", true],
  [`${ok}Content-Length: 3\r\nConnection: close\r\n\r\n`, "GET", "length", false],
  [`${ok}Content-Length: 3\r\n\r\n`, "HEAD", "none", true],
  [`${ok}\r\n`, "HEAD", "none", true],
  ["HTTP/1.1 204 No Content\r\n\r\n", "GET", "none", true],
  ["HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "GET", "none", true],
  // It may send what it announced: the connection is not used again.
  ["HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", "GET", "none", false],
  ["HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", "none", false],
  ["HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", "GET", "none", false],
  ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "GET", "none", true],
];

test.each(bodies)("the body of %j to %s is %s, kept alive: %s", (raw, method, body, keepAlive) => {
  const { status, head } = parseAnswer(raw, method);
  expect(status).toBe(0);
  expect(head.body).toBe(body);
  expect(head.keepAlive).toBe(keepAlive);
});

test("what is passed on has no hop-by-hop field, in one piece otherwise", () => {
  const lines = passedOn(
    `${ok}Server: x\r\nConnection: keep-alive, X-Sec\r\nX-Sec: 1\r\nKeep-Alive: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nUpgrade: h2\r\nTrailer: X\r\nProxy-Connection: x\r\nX-Accel-Redirect: /secret\r\nX-Sendfile: /secret\r\nDate: ${date}\r\nContent-Length: 3\r\n\r\n`,
  );
  expect(lines).toEqual(["Server: x", "Set-Cookie: a=1", "Set-Cookie: b=2", `Date: ${date}`]);
});

test("whether there is a Date is known, and what HEAD and 304 announce", () => {
  expect(parseAnswer(`${ok}Content-Length: 3\r\n\r\n`, "HEAD").head).toMatchObject({
    hasDate: false,
    contentLength: 3,
  });
  const notModified = `HTTP/1.1 304 Not Modified\r\nDate: ${date}\r\nContent-Length: 3\r\n\r\n`;
  expect(parseAnswer(notModified).head).toMatchObject({ hasDate: true, contentLength: 3 });
  const noContent = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
  expect(parseAnswer(noContent).head.contentLength).toBe(-1);
});

test("a status line is HTTP/1.1's, with the reason that was given or the usual one", () => {
  expect(statusLine(200, "")).toBe("HTTP/1.1 200 OK\r\n");
  expect(statusLine(200, "Fine")).toBe("HTTP/1.1 200 Fine\r\n");
  expect(statusLine(299, "")).toBe("HTTP/1.1 299 \r\n");
});

describe("a worker's head", () => {
  test("has the rules of a response, and a body that frames delimit", () => {
    const head = createResponseHead();
    expect(parseWorkerHead("200 OK\r\nX-A: 1\r\n", limits, "GET", head)).toBe(0);
    expect([head.status, head.reason, head.body]).toEqual([200, "OK", "until-close"]);
    expect(parseWorkerHead("200 OK\r\nContent-Length: 3\r\n", limits, "GET", head)).toBe(0);
    expect([head.body, head.contentLength]).toEqual(["length", 3]);
    expect(parseWorkerHead("404 Not Found\r\n", limits, "HEAD", head)).toBe(0);
    expect([head.body, head.lineCount, head.forwardable]).toEqual(["none", 0, ""]);
  });

  test("cannot choose a transfer coding", () => {
    const head = createResponseHead();
    expect(parseWorkerHead("200 OK\r\nTransfer-Encoding: chunked\r\n", limits, "GET", head)).toBe(
      0,
    );
    expect([head.body, head.forwardable]).toEqual(["until-close", ""]);
  });

  test.each([
    ["200 OK\r\nX-A: 1\nSet-Cookie: evil\r\n"],
    ["200 OK\r\nX-A: 1\rSet-Cookie: evil\r\n"],
    ["200 OK\r\nX-A: 1\0\r\n"],
    ["200 O\nK\r\nX-A: 1\r\n"],
    ["200 OK\r\nX-A: 1\r\n\r\n"],
    ["200 OK\r\nX-A: 1"],
    ["200 OK\r\n\r\nX-A: 1\r\n"],
    ["200 OK"],
    ["OK\r\n"],
    [""],
    ["099 X\r\n"],
    ["200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n"],
    ["200 OK\r\nX A: 1\r\n"],
  ])("that splits the response is refused: %j", (text) => {
    const head = createResponseHead();
    expect(parseWorkerHead(text, limits, "GET", head)).toBe(502);
    expect(head.problem).not.toBe("");
  });
});
