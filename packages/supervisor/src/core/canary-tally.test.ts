import type { EdgeMetrics } from "@stack/control";
import { expect, test } from "vitest";
import { createSideTally } from "./canary-tally.ts";

function edge(requests: number, errors: number, p95: number | null = null): EdgeMetrics {
  const latencyMs = p95 === null ? null : { p50: 1, p95, p99: 1 };
  const shop = { requests, errors, queue: 0, inFlight: 0, latencyMs, workers: {} };
  return { connections: 0, requests: 0, answers: [], latencyMs: null, apps: { shop } };
}

test("what was counted before does not count", () => {
  const tally = createSideTally("shop");
  tally.add(new Map([[1, edge(1000, 7)]]));
  tally.add(new Map([[1, edge(1010, 8, 20)]]));

  expect(tally.read()).toEqual({ requests: 10, errors: 1, p95Ms: 20 });
});

test("an edge that takes over counts from zero; the one before keeps what it has", () => {
  const tally = createSideTally("shop");
  tally.add(new Map([[1, edge(100, 0)]]));
  tally.add(
    new Map([
      [1, edge(110, 0, 10)],
      [2, edge(5, 1, 30)],
    ]),
  );
  tally.add(new Map([[2, edge(25, 1, 30)]]));

  expect(tally.read()).toEqual({ requests: 35, errors: 1, p95Ms: 30 });
});

test("seconds without a request say nothing of how fast it is", () => {
  const tally = createSideTally("shop");
  tally.add(new Map([[1, edge(0, 0)]]));
  tally.add(new Map([[1, edge(1, 0, 10)]]));
  for (let second = 0; second < 9; second += 1) tally.add(new Map([[1, edge(1, 0, 500)]]));

  expect(tally.read().p95Ms).toBe(10);
});

test("an app that no edge knows yet has done nothing", () => {
  const tally = createSideTally("shop@canary");
  tally.add(new Map([[1, edge(1, 0)]]));

  expect(tally.read()).toEqual({ requests: 0, errors: 0, p95Ms: null });
});
