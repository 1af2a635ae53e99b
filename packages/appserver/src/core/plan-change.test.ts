import type { AppPlan } from "@stack/config";
import { expect, test } from "vitest";
import { comparePlans, workersPerInstance } from "./plan-change.ts";

const plan: AppPlan = {
  name: "shop",
  kind: "node",
  entry: "/srv/shop/server.mjs",
  cwd: "/srv/shop",
  env: { A: "1", B: "2" },
  instances: 1,
  workers: 2,
  health: null,
  timeoutMs: 1,
  bootTimeoutMs: 1,
  drainTimeoutMs: 1,
  queueLimit: 1,
  queueTimeoutMs: 1,
  place: { file: "deploy.config.ts", line: 3 },
};

test.for([
  ["nothing", { env: { B: "2", A: "1" } }],
  ["nothing", { place: { file: "deploy.config.ts", line: 9 }, instances: 4 }],
  ["scale", { workers: 3 }],
  ["replace", { env: { A: "1", B: "3" } }],
  ["replace", { workers: 3, health: "/" }],
] as const)("asks for %s when it changes %o", ([change, changes]) => {
  expect(comparePlans(plan, { ...plan, ...changes })).toBe(change);
});

test("a command is one process, whatever else", () => {
  const { entry: _, ...base } = plan;
  expect(workersPerInstance({ ...base, kind: "command", command: ["x"] })).toBe(1);
});
