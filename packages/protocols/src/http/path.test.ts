import { expect, test } from "vitest";
import { decodePath, normalisePath } from "./path.ts";

test.each([
  ["/", "/"],
  ["/a/b.html", "/a/b.html"],
  ["/.well-known/x", "/.well-known/x"],
  ["/a/.", "/a/"],
  ["/a/..", "/"],
  ["/a/./", "/a/"],
  ["/a/../b", "/b"],
  ["/a/b/../../c/", "/c/"],
  ["/a//../b", "/a/b"],
  ["//a", "//a"],
  ["/...", "/..."],
  ["/a/..b/b..", "/a/..b/b.."],
  ["/%41%7e%2D", "/A~-"],
  ["/%2e%2E/x".replace("/", "/a/"), "/x"],
  ["/%2f%5c%3b", "/%2F%5C%3B"],
  ["/%252e%252e/x", "/%252e%252e/x"],
  ["/a;b/..;c", "/a;b/..;c"],
  ["/a%2Fb.c", "/a%2Fb.c"],
  ["/%e4\xe4", "/%E4%E4"],
  ["/\xe4", "/%E4"],
  ["/a\\b.c", "/a\\b.c"],
])("%s becomes %s", (path, expected) => {
  expect(normalisePath(path)).toBe(expected);
  expect(normalisePath(expected)).toBe(expected);
});

test.each([
  ["/.."],
  ["/../"],
  ["/a/../.."],
  ["/%2e%2e"],
  ["/%2e./x"],
  ["/a/%2e%2e/%2E%2E/x"],
  ["/a%2f..%2fb"],
  ["/a%2F%2e%2e"],
  ["/..%2fx"],
  ["/..%5cx"],
  ["/a/..\\x"],
  ["/a\\..\\x"],
  ["/.%2fx"],
  ["/%"],
  ["/%4"],
  ["/%4x"],
  ["/%x4"],
  ["/%00"],
  ["/a%00.txt"],
])("%s is refused", (path) => {
  expect(normalisePath(path)).toBe("");
});

test("PATH_INFO is the decoded bytes, once", () => {
  expect(decodePath("/caf%C3%A9/%252e%2Fx\xe9")).toBe("/caf\xc3\xa9/%2e/x\xe9");
});
