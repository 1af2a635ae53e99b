import { describe, expect, test } from "vitest";
import { limits } from "../../test/support/requests.ts";
import { findHeadEnd } from "./find-head-end.ts";

const find = (text: string, start = 0, from = start): number =>
  findHeadEnd(text, start, from, limits);

test("a head ends after its empty line, wherever it starts", () => {
  const head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  expect(find(head)).toBe(head.length);
  expect(find(`${head}body\r\n\r\n`)).toBe(head.length);
  expect(find(head + head, head.length)).toBe(2 * head.length);
});

test("an end that was cut in two is found from where the search stopped", () => {
  const head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (let cut = 0; cut < head.length; cut++) {
    expect(find(head.slice(0, cut))).toBe(0);
    expect(find(head, 0, cut)).toBe(head.length);
  }
});

describe("what can never become a head is refused before its end", () => {
  test.each([
    ["a line that ends in LF alone", "GET / HTTP/1.1\nHost", -400],
    ["LF at the start", "\n", -400],
    ["a TLS hello", "\x16\x03\x01", -400],
    ["a space at the start", " GET", -400],
    ["NUL at the start", "\0", -400],
    ["a request line without end", "G".repeat(limits.headerBytes), -414],
    ["headers without end", `GET / HTTP/1.1\r\n${"X-A: 1\r\n".repeat(5000)}`, -431],
  ])("%s", (_what, text, expected) => {
    expect(find(text)).toBe(expected);
  });
});

test("a head may be as long as the limit and no longer", () => {
  const head = (bytes: number): string =>
    `GET / HTTP/1.1\r\nX-A: ${"a".repeat(bytes - 25)}\r\n\r\n`;
  expect(head(limits.headerBytes)).toHaveLength(limits.headerBytes);
  expect(find(head(limits.headerBytes))).toBe(limits.headerBytes);
  expect(find(head(limits.headerBytes + 1))).toBe(-431);
  expect(find(head(limits.headerBytes).slice(0, -1))).toBe(0);
});
