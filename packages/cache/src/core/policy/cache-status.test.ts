import { expect, test } from "vitest";
import { formatCacheStatus } from "./cache-status.ts";

test("a hit says how long it is fresh", () => {
  expect(formatCacheStatus({ cache: "stack", hit: true, ttl: -3, detail: "app-down" })).toBe(
    "Cache-Status: stack; hit; ttl=-3; detail=app-down\r\n",
  );
});

test("a miss says why, and what became of the answer", () => {
  const status = {
    cache: "stack",
    hit: false,
    forward: "uri-miss",
    stored: true,
    collapsed: true,
  } as const;
  expect(formatCacheStatus(status)).toBe(
    "Cache-Status: stack; fwd=uri-miss; stored; collapsed\r\n",
  );
  expect(
    formatCacheStatus({ cache: "stack", hit: false, forward: "stale", forwardStatus: 304 }),
  ).toBe("Cache-Status: stack; fwd=stale; fwd-status=304\r\n");
});
