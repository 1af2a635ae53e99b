import { expect, test } from "vitest";
import { parsePurge } from "./parse-purge.ts";

test.for([
  ["all", [{ kind: "all" }], false],
  ["soft  all ", [{ kind: "all" }], true],
  ["tag product 7", [{ kind: "tag", tag: "product 7" }], false],
  ["soft tag news", [{ kind: "tag", tag: "news" }], true],
  ["url https://a/", [{ kind: "url", url: "https://a/" }], false],
  [
    "prefix a/b",
    [
      { kind: "prefix", prefix: "http://a/b" },
      { kind: "prefix", prefix: "https://a/b" },
    ],
    false,
  ],
] as const)("%j is an order", ([typed, targets, soft]) => {
  expect(parsePurge(typed)).toEqual({ kind: "purge", targets, soft });
});

test.for(["", "soft", "tag", "url /a", "prefix", "all of it", "news"])("%j is refused", (typed) => {
  expect(parsePurge(typed)).toBeTypeOf("string");
});
