import type { CacheStats } from "@stack/control";
import { expect, test } from "vitest";
import { formatCacheStats } from "./cache-tables.ts";

const nowMs = 1_800_000_000_000;
const stats: CacheStats = {
  memory: { records: 12, bytes: 2048, capacityBytes: 64 * 2 ** 20, stored: 20, evicted: 8 },
  store: {
    name: "redis",
    available: false,
    records: 0,
    bytes: 0,
    capacityBytes: null,
    failures: 3,
    trouble: {
      error: {
        code: "E2301",
        exit: 4,
        title: "Redis does not answer: what is cached is not shared until it does",
        facts: ["127.0.0.1:6379: ECONNREFUSED"],
        fixes: [],
      },
      since: nowMs - 90_000,
    },
  },
  routes: [
    {
      route: "/*",
      results: [
        { result: "hit", reason: "", count: 3 },
        { result: "miss", reason: "unknown", count: 1 },
      ],
    },
  ],
  purges: [
    {
      target: { kind: "tag", tag: "news" },
      soft: true,
      at: nowMs - 30_000,
      own: false,
    },
  ],
  purgeOnRelease: true,
};

test("stats tell bounds, the trouble of the store, results with their reason, and purges", () => {
  expect(formatCacheStats(stats, nowMs).split("\n")).toEqual([
    "memory    2.0K of 64M, 12 answers",
    "          20 stored, 8 made room since the edge began",
    "redis     0B, 0 answers, 3 failures, away",
    "          E2301 1m30s ago: Redis does not answer: what is cached is not shared until it does",
    "          127.0.0.1:6379: ECONNREFUSED",
    "release   what another release has made is not used any more",
    "",
    "/*  4 requests, 75.0 % from the cache",
    "  hit                   3",
    "  miss unknown          1",
    "",
    "purges",
    "  30s ago     tag news  soft  over the store",
  ]);
});
