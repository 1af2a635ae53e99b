import { createRequestHead, parseRequestHead } from "@stack/protocols";
import { expect, test } from "vitest";
import { contentType, describeFile, hasConditions } from "./static-answer.ts";

test.for([
  ["a.html", "text/html; charset=utf-8"],
  ["a.css", "text/css; charset=utf-8"],
  ["a.js", "text/javascript; charset=utf-8"],
  ["a.mjs", "text/javascript; charset=utf-8"],
  ["a.json", "application/json; charset=utf-8"],
  ["a.svg", "image/svg+xml; charset=utf-8"],
  ["A.PNG", "image/png"],
  ["a.woff2", "font/woff2"],
  ["a.wasm", "application/wasm"],
  ["a.tar.gz", "application/gzip"],
  ["a.unheard-of", "application/octet-stream"],
  ["README", "application/octet-stream"],
  ["html", "application/octet-stream"],
] as const)("%s is %s", ([name, type]) => {
  expect(contentType(name)).toBe(type);
});

test.for([
  ["Accept: */*", false],
  ["Referer: x", false],
  ["Origin: x", false],
  ["Range: bytes=0-1", true],
  ["range: bytes=0-1", true],
  ["If-None-Match: x", true],
  ["IF-MODIFIED-SINCE: x", true],
  ["If-Range: x", true],
] as const)("a request with %s has conditions: %s", ([field, expected]) => {
  const head = createRequestHead();
  const text = `GET / HTTP/1.1\r\nHost: a\r\n${field}\r\nAccept-Language: de\r\n\r\n`;
  const limits = { headerBytes: 32_768, headerCount: 100 };
  expect(parseRequestHead(text, 0, text.length, limits, head)).toBe(0);
  expect(hasConditions(head)).toBe(expected);
});

test("a file from the future is not modified later than now", () => {
  const now = Date.UTC(2026, 10, 22, 10);
  const facts = { size: 1, mtimeMs: now + 60_000, mtimeNs: 1n, ino: 1n };
  expect(
    describeFile({ type: "text/plain", lines: "", encoding: "", varies: false }, facts, now)
      .validators,
  ).toContain("Last-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\n");
});
