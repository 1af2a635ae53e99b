import { expect, test } from "vitest";
import { countCacheResults, describePurgeTarget, withBothSchemes } from "./cache-summary.ts";

const results = [
  { result: "hit", reason: "", count: 6 },
  { result: "stale", reason: "down", count: 1 },
  { result: "stale", reason: "error", count: 1 },
  { result: "revalidated", reason: "", count: 1 },
  { result: "miss", reason: "unknown", count: 2 },
  { result: "bypass", reason: "rule", count: 1 },
];

test("results are added up over their reasons; what came from the cache is the hit ratio", () => {
  const { total, byResult, hitRatio } = countCacheResults([{ route: "/*", results }]);
  expect(byResult).toEqual({ hit: 6, stale: 2, revalidated: 1, miss: 2, bypass: 1 });
  expect([total, hitRatio]).toEqual([12, 0.75]);
});

test("a result of a later version counts as a request; no request is no ratio", () => {
  const later = [{ result: "coalesced", reason: "", count: 3 }];
  expect(countCacheResults([{ route: "/*", results: later }])).toMatchObject({
    total: 3,
    hitRatio: 0,
  });
  expect(countCacheResults([]).hitRatio).toBeNull();
});

test.for([
  [{ kind: "all" }, "all"],
  [{ kind: "tag", tag: "news" }, "tag news"],
  [{ kind: "prefix", prefix: "http://a/b" }, "prefix http://a/b"],
  [{ kind: "url", url: "http://a/" }, "url http://a/"],
] as const)("%j is told as %s", ([target, text]) => {
  expect(describePurgeTarget(target)).toBe(text);
});

test("a URL without a scheme is that of both", () => {
  expect(withBothSchemes("https://a/b")).toEqual(["https://a/b"]);
  expect(withBothSchemes("a/b")).toEqual(["http://a/b", "https://a/b"]);
});
