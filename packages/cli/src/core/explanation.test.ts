import { expect, test } from "vitest";
import { type CacheNow, type Explanation, formatExplanation } from "./explanation.ts";

const nowMs = 1_800_000_000_000;

function explained(
  running: CacheNow | null,
  key: string | null = "http://shop.test/",
): Explanation {
  return {
    listener: { name: null, text: "127.0.0.1:8080" },
    request: { method: "GET", host: "shop.test", path: "/", query: null, client: "127.0.0.1" },
    refused: null,
    route: null,
    action: { kind: "app", text: "app shop" },
    forwarded: null,
    cache: { route: "/*", mode: "http", key, text: "kept as the answer's headers say", running },
    changes: { requestHeaders: [], responseHeaders: [], rules: [] },
    limits: {},
    others: [],
  };
}

function rows(explanation: Explanation): readonly string[] {
  const text = formatExplanation(explanation, (_tone, shown) => shown, false, nowMs);
  return text.split("\n").filter((row) => /^(?:cache|key|kept|so far)/.test(row));
}

const results = [
  { result: "hit", reason: "", count: 3 },
  { result: "miss", reason: "unknown", count: 1 },
];

test("of the stack that runs it tells what is kept, and what became of such requests", () => {
  const kept = {
    key: "http://shop.test/",
    bodyBytes: 7,
    storedAt: nowMs - 12_000,
    keepUntil: nowMs + 20_000,
    tags: ["front"],
  };
  expect(rows(explained({ kept, results }))).toEqual([
    "cache     http: kept as the answer's headers say",
    "key       http://shop.test/",
    "kept      7B, stored 12s ago, goes in 20s  #front",
    "so far    hit 3, miss unknown 1  (75.0 % from the cache)",
  ]);
});

test("what is past its end is told as such", () => {
  const kept = {
    key: "http://shop.test/",
    bodyBytes: 7,
    storedAt: nowMs - 12_000,
    keepUntil: nowMs - 10_000,
    tags: [],
  };
  expect(rows(explained({ kept, results: [] }))).toContain(
    "kept      7B, stored 12s ago, of no use for 10s",
  );
});

test("nothing is kept of what goes past it; without a running stack there is no more to say", () => {
  expect(rows(explained({ kept: null, results: [] }))).toContain("kept      nothing now");
  expect(rows(explained({ kept: null, results }, null))).toHaveLength(2);
  expect(rows(explained(null))).toHaveLength(2);
});
