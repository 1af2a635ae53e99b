import type { EdgeMetrics, ServiceState } from "@stack/control";
import { expect, test } from "vitest";
import { advance, rateOf, sumOf } from "./rates.ts";
import { formatUrl, stateOfAll, stateOfStack } from "./status.ts";

test.for<[states: ServiceState[], one: ServiceState]>([
  [[], "stopped"],
  [["ready", "ready"], "ready"],
  [["ready", "booting"], "degraded"],
  [["ready", "crashed"], "degraded"],
  [["booting", "booting"], "booting"],
  [["booting", "stopped"], "booting"],
  [["crashed", "crashed"], "crashed"],
  [["draining", "ready"], "draining"],
  [["draining", "crashed"], "degraded"],
  [["stopped", "stopped"], "stopped"],
])("%j together are %s", ([states, one]) => {
  expect(stateOfAll(states)).toBe(one);
});

test.for<[states: ServiceState[], phase: "starting" | "running" | "stopping", one: ServiceState]>([
  [["ready", "ready"], "running", "ready"],
  [["ready", "stopped"], "running", "ready"],
  [["ready", "booting"], "starting", "booting"],
  [["ready", "booting"], "running", "degraded"],
  [["ready", "crashed"], "starting", "degraded"],
  [["crashed", "crashed"], "running", "crashed"],
  [["ready"], "stopping", "draining"],
  [["stopped"], "running", "ready"],
])("a stack of %j while %s is %s", ([states, phase, one]) => {
  expect(stateOfStack(states, phase)).toBe(one);
});

test.for<[host: string, url: string]>([
  ["0.0.0.0", "http://127.0.0.1:8080"],
  ["::", "http://127.0.0.1:8080"],
  ["::1", "http://[::1]:8080"],
  ["10.0.0.1", "http://10.0.0.1:8080"],
])("an edge on %s is reached at %s", ([host, url]) => {
  expect(formatUrl(host, 8080)).toBe(url);
});

function metrics(requests: number): EdgeMetrics {
  return { requests, connections: 0, answers: [], latencyMs: null, apps: {} };
}

test("rates are over the time between two reports, and a new edge begins at none", () => {
  const first = advance(null, metrics(100), 1_000);
  expect(rateOf([first], (one) => one.requests)).toBe(0);
  const second = advance(first, metrics(160), 3_000);
  const other = advance(advance(null, metrics(0), 1_000), metrics(5), 2_000);
  expect(rateOf([second, other], (one) => one.requests)).toBe(35);
  expect(sumOf([second, other], (one) => one.requests)).toBe(165);
});
