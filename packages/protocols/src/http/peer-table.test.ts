/**
 * The table of what peers do with doubtful requests (nginx, HAProxy, Caddy, Node, gunicorn, uWSGI),
 * row by row, as raw bytes: what we do. Each row says either a status or what goes on.
 */
import { describe, expect, test } from "vitest";
import { allForwardedLines, forwardedLines, parse, statusOf } from "../../test/support/requests.ts";
import { createChunkedDecoder, decodeChunked } from "./chunked.ts";

const post = "POST / HTTP/1.1\r\nHost: a.test\r\n";
const get = "GET / HTTP/1.1\r\nHost: a.test\r\n";

const refused: readonly (readonly [row: string, raw: string, status: number])[] = [
  ["CL + TE", `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
  ["TE + CL", `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n`, 400],
  ["two different CL", `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n`, 400],
  ["two equal CL", `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\n`, 400],
  ["CL 3, 3", `${post}Content-Length: 3, 3\r\n\r\n`, 400],
  ["CL +3", `${post}Content-Length: +3\r\n\r\n`, 400],
  ["CL -3", `${post}Content-Length: -3\r\n\r\n`, 400],
  ["CL 0x3", `${post}Content-Length: 0x3\r\n\r\n`, 400],
  ["CL empty", `${post}Content-Length:\r\n\r\n`, 400],
  ["CL 3 3", `${post}Content-Length: 3 3\r\n\r\n`, 400],
  ["CL overflow", `${post}Content-Length: 18446744073709551619\r\n\r\n`, 413],
  ["TE in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
  ["TE xchunked", `${post}Transfer-Encoding: xchunked\r\n\r\n`, 501],
  ["TE gzip, chunked", `${post}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
  ["TE chunked + identity", `${post}Transfer-Encoding: chunked, identity\r\n\r\n`, 400],
  [
    "TE chunked, then identity",
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n`,
    400,
  ],
  ["TE chunked, chunked", `${post}Transfer-Encoding: chunked, chunked\r\n\r\n`, 400],
  [
    "TE chunked twice",
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    400,
  ],
  ["TE chunked;a=b", `${post}Transfer-Encoding: chunked;a=b\r\n\r\n`, 400],
  ["TE empty", `${post}Transfer-Encoding:\r\n\r\n`, 400],
  ["TE ,chunked", `${post}Transfer-Encoding: ,chunked\r\n\r\n`, 400],
  ["TE with vertical tab", `${post}Transfer-Encoding: \x0bchunked\r\n\r\n`, 400],
  ["space before the colon", `${get}X-A : 1\r\n\r\n`, 400],
  ["tab before the colon", `${get}X-A\t: 1\r\n\r\n`, 400],
  ["space before TE's colon", `${post}Transfer-Encoding : chunked\r\n\r\n`, 400],
  ["bare LF line ends", "GET / HTTP/1.1\nHost: a.test\n\n", 400],
  ["one bare LF among CRLF", "GET / HTTP/1.1\r\nHost: a.test\nX-A: 1\r\n\r\n", 400],
  ["LF, LF at the end", "GET / HTTP/1.1\r\nHost: a.test\r\n\n", 400],
  ["obs-fold", `${get}X-A: 1\r\n 2\r\n\r\n`, 400],
  ["obs-fold with tab", `${get}X-A: 1\r\n\t2\r\n\r\n`, 400],
  ["white space before the first header", "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n", 400],
  ["two Host lines", `${get}Host: b.test\r\n\r\n`, 400],
  ["two equal Host lines", `${get}Host: a.test\r\n\r\n`, 400],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400],
  ["Host a b", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["Host a/b", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["Host a.test,b.test", "GET / HTTP/1.1\r\nHost: a.test,b.test\r\n\r\n", 400],
  ["Host user@a", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400],
  ["Host ../a", "GET / HTTP/1.1\r\nHost: ..\r\n\r\n", 400],
  ["Host with port 99999", "GET / HTTP/1.1\r\nHost: a.test:99999\r\n\r\n", 400],
  ["absolute-form without Host", "GET http://b.test/x HTTP/1.1\r\n\r\n", 400],
  ["absolute-form with userinfo", "GET http://u@b.test/x HTTP/1.1\r\nHost: b.test\r\n\r\n", 400],
  ["NUL in a value", `${get}X-A: 1\x002\r\n\r\n`, 400],
  ["DEL in a value", `${get}X-A: 1\x7f2\r\n\r\n`, 400],
  ["bare CR in a value", `${get}X-A: 1\r2\r\n\r\n`, 400],
  ["bare CR before CRLF", `${get}X-A: 1\r\r\n\r\n`, 400],
  ["/a/../../etc//passwd", "GET /a/../../etc//passwd HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["/a/%2e%2e/%2e%2e/b%2fc", "GET /a/%2e%2e/%2e%2e/b%2fc HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["fragment", "GET /x#y HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["CONNECT", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", 405],
  ["TRACE", "TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n", 405],
  ["Expect: foo", `${post}Content-Length: 3\r\nExpect: foo\r\n\r\n`, 417],
  ["64 KB header", `${get}X-A: ${"a".repeat(65_536)}\r\n\r\n`, 431],
  ["200 headers", `${get}${"X-A: 1\r\n".repeat(200)}\r\n`, 431],
  ["9 KB target", `GET /${"a".repeat(9216)} HTTP/1.1\r\nHost: a.test\r\n\r\n`, 414],
  ["40 KB target", `GET /${"a".repeat(40_960)} HTTP/1.1\r\nHost: a.test\r\n\r\n`, 414],
  ["HTTP/3.0 line", "GET / HTTP/3.0\r\nHost: a.test\r\n\r\n", 505],
  ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["HTTP/0.9", "GET /\r\n\r\n", 400],
  ["HTTP/1.10", "GET / HTTP/1.10\r\nHost: a.test\r\n\r\n", 400],
  ["http/1.1", "GET / http/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["space in the target", "GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["a method that is no token", "G@T / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["* for GET", "GET * HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["a target of another scheme", "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["an authority as target", "GET a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
  ["an empty header name", `${get}: 1\r\n\r\n`, 400],
  ["a line without colon", `${get}X-A\r\n\r\n`, 400],
  ["a byte above 0x7f in a name", `${get}X-\xe9: 1\r\n\r\n`, 400],
  ["two empty lines first", `\r\n\r\n${get}\r\n`, 400],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400],
];

test.each(refused)("refuses %s", (_row, raw, status) => {
  const { status: actual, head } = parse(raw);
  expect(actual).toBe(status);
  expect(head.keepAlive).toBe(false);
});

test("every refusal by the parser says why in plain words", () => {
  for (const [, raw, status] of refused) {
    const { head } = parse(raw);
    if (status === 400 && raw.includes("\r\n\r\n") && !raw.startsWith("\r\n")) {
      expect(head.problem, raw).toMatch(/^[\x20-\x7e]+$/);
    }
  }
});

const forwarded: readonly (readonly [row: string, raw: string, lines: readonly string[]])[] = [
  [
    "one Content-Length",
    `${post}Content-Length: 3\r\n\r\n`,
    ["POST / HTTP/1.1", "Host: a.test", "Content-Length: 3"],
  ],
  [
    "chunked",
    `${post}Transfer-Encoding: Chunked\r\n\r\n`,
    ["POST / HTTP/1.1", "Host: a.test", "Transfer-Encoding: chunked"],
  ],
  [
    "a body of GET",
    `${get}Transfer-Encoding: chunked\r\n\r\n`,
    ["GET / HTTP/1.1", "Host: a.test", "Transfer-Encoding: chunked"],
  ],
  [
    "a name with underscores",
    `${get}X_Real_Ip: 1.1.1.1\r\nContent_Length: 5\r\nX-B: 2\r\n\r\n`,
    ["GET / HTTP/1.1", "Host: a.test", "X-B: 2"],
  ],
  ["Proxy", `${get}Proxy: http://evil\r\n\r\n`, ["GET / HTTP/1.1", "Host: a.test"]],
  [
    "fields that Connection names",
    `${get}Connection: close, X-Sec\r\nX-Sec: 1\r\nx-sec: 2\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nX-B: 2\r\n\r\n`,
    ["GET / HTTP/1.1", "Host: a.test", "X-B: 2"],
  ],
  [
    "what a client says about itself",
    `${get}X-Forwarded-For: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Prefix: /x\r\nX-Real-IP: 1.1.1.1\r\nX-Request-Start: t=1\r\nX-Sendfile-Type: X\r\nX-Accel-Mapping: /=/\r\nX-Accel-Redirect: /\r\nCF-Connecting-IP: 1.1.1.1\r\nTrue-Client-IP: 1.1.1.1\r\nX-Original-URL: /admin\r\nX-B: 2\r\n\r\n`,
    ["GET / HTTP/1.1", "Host: a.test", "X-B: 2"],
  ],
  [
    "h2c",
    `${get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n`,
    ["GET / HTTP/1.1", "Host: a.test"],
  ],
  [
    "Expect: 100-continue",
    `${post}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`,
    ["POST / HTTP/1.1", "Host: a.test", "Content-Length: 3"],
  ],
  [
    "dot segments",
    "GET /a/./b/../%7Ec/%2e/d%2fe?q=../x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ["GET /a/~c/d%2Fe?q=../x HTTP/1.1", "Host: a.test"],
  ],
  [
    "empty segments",
    "GET //a//b/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ["GET //a//b/ HTTP/1.1", "Host: a.test"],
  ],
  ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a.test\r\n\r\n", ["GET / HTTP/1.1", "Host: a.test"]],
  [
    "a Host in capitals with its dot",
    "GET / HTTP/1.1\r\nHost: A.Test.\r\n\r\n",
    ["GET / HTTP/1.1", "Host: a.test"],
  ],
  ["an empty line first", `\r\n${get}\r\n`, ["GET / HTTP/1.1", "Host: a.test"]],
  [
    "an unknown method",
    "PURGE /x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ["PURGE /x HTTP/1.1", "Host: a.test"],
  ],
  [
    "bytes above 0x7f",
    "GET /\xe9?\xe9 HTTP/1.1\r\nHost: a.test\r\nX-B: \xe9\r\n\r\n",
    ["GET /%E9?%E9 HTTP/1.1", "Host: a.test", "X-B: \xe9"],
  ],
  [
    "OPTIONS *",
    "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ["OPTIONS * HTTP/1.1", "Host: a.test"],
  ],
  [
    "OPTIONS of a URL without path",
    "OPTIONS http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ["OPTIONS * HTTP/1.1", "Host: a.test"],
  ],
  [
    "an empty query",
    "GET /x? HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ["GET /x? HTTP/1.1", "Host: a.test"],
  ],
];

test.each(forwarded)("forwards %s", (_row, raw, lines) => {
  expect(forwardedLines(raw)).toEqual(lines);
});

test("forwards the authority of an absolute target as Host", () => {
  const lines = allForwardedLines("GET HTTP://B.test:81/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect(lines).toEqual([
    "GET /x?y HTTP/1.1",
    "Host: b.test:81",
    "X-Forwarded-For: 203.0.113.9",
    "X-Real-IP: 203.0.113.9",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: b.test:81",
    "Via: 1.1 stack",
  ]);
});

test("gives a request of HTTP/1.0 without Host the listener's", () => {
  const lines = allForwardedLines("GET / HTTP/1.0\r\n\r\n");
  expect(lines.slice(0, 2)).toEqual(["GET / HTTP/1.1", "Host: 10.0.0.1:8080"]);
  expect(lines).toContain("Via: 1.0 stack");
});

describe("chunk framing of the table", () => {
  const cases: readonly (readonly [row: string, body: string])[] = [
    ["bare LF after the size", "3\nabc\r\n0\r\n\r\n"],
    ["bare LF after the data", "3\r\nabc\n0\r\n\r\n"],
    ["bare LF at the end", "3\r\nabc\r\n0\r\n\n"],
    ["0x3", "0x3\r\nabc\r\n0\r\n\r\n"],
    ["+3", "+3\r\nabc\r\n0\r\n\r\n"],
    ["-3", "-3\r\nabc\r\n0\r\n\r\n"],
    ["a size with a space", "3 \r\nabc\r\n0\r\n\r\n"],
    ["an empty size", "\r\nabc\r\n0\r\n\r\n"],
    ["overflow", "10000000000000003\r\nabc\r\n0\r\n\r\n"],
    ["a size line that ends in CR CR LF", "3\r\r\nabc\r\n0\r\n\r\n"],
  ];
  test.each(cases)("refuses %s", (_row, body) => {
    const decoder = createChunkedDecoder();
    const buffer = Buffer.from(body, "latin1");
    let at = 0;
    while (at < buffer.length && decoder.problem === "" && !decoder.done) {
      at = decodeChunked(decoder, buffer, at, buffer.length);
    }
    expect(decoder.problem).not.toBe("");
    expect(decoder.done).toBe(false);
  });
});

test("asks for more while a head can still become valid", () => {
  expect(statusOf("")).toBe(-1);
  expect(statusOf("\r")).toBe(-1);
  expect(statusOf("GET / HTTP/1.1\r\nHost: a.test\r\n\r")).toBe(-1);
});
