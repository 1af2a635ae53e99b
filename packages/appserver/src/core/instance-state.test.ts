import { expect, test } from "vitest";
import { decideInstanceState } from "./instance-state.ts";

const calm = { draining: false, desired: 2, ready: 0, failing: false, wasReady: false };

test.for([
  ["booting", {}],
  ["booting", { ready: 1 }],
  ["ready", { ready: 2 }],
  ["ready", { ready: 2, failing: true }],
  ["degraded", { ready: 1, wasReady: true }],
  ["degraded", { ready: 1, failing: true }],
  ["crashed", { failing: true }],
  ["booting", { wasReady: true }],
  ["draining", { draining: true, ready: 2 }],
] as const)("%s with %o", ([state, facts]) => {
  expect(decideInstanceState({ ...calm, ...facts })).toBe(state);
});
