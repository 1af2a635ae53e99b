import type { RunningRequest } from "@stack/control";
import { expect, test } from "vitest";
import { formatRequests } from "./requests-table.ts";

const request: RunningRequest = {
  method: "GET",
  url: "http://shop.test/report?y=2026",
  client: "203.0.113.9",
  state: "running",
  app: "shop",
  servedBy: "shop-1.2",
  ageMs: 12_400,
};

test("each request is a line, and no line is wider than the terminal", () => {
  const queued = { ...request, state: "queued", servedBy: "", ageMs: 1_240 } as const;
  const ours = { ...request, method: "POST", app: "", servedBy: "", client: "::1", ageMs: 31 };
  expect(formatRequests([request, queued, ours], 60).split("\n")).toEqual([
    " AGE  STATE    WHERE     CLIENT       REQUEST",
    " 12s  running  shop-1.2  203.0.113.9  GET http://shop.test/r",
    "1.2s  queued   shop      203.0.113.9  GET http://shop.test/r",
    "0.0s  running  edge      ::1          POST http://shop.test/",
  ]);
});

test("nothing is said as nothing", () => {
  expect(formatRequests([], 80)).toBe("nothing is running");
});
