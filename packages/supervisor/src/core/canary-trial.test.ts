import type { EdgePlan } from "@stack/config";
import { expect, test } from "vitest";
import { type CanaryTrial, describeTrial, markCanaries } from "./canary-trial.ts";

const settings = { timeoutMs: 1, queueLimit: 1, queueTimeoutMs: 1 };
const plan = { apps: { shop: settings, chat: settings } } as unknown as EdgePlan;
const side = { requests: 1, errors: 0, p95Ms: null };
const trial: CanaryTrial = {
  release: "r2",
  share: 0.1,
  apps: {
    shop: {
      policy: { requests: 100, timeMs: 1, deadlineMs: 2 },
      elapsedMs: 5,
      old: side,
      fresh: side,
    },
  },
};

test("only apps on trial share their requests", () => {
  const { apps } = markCanaries(plan, trial);

  expect(apps["chat"]).toBe(settings);
  expect(apps["shop"]?.canary).toEqual({ app: "shop@canary", share: 0.1, salt: "r2" });
});

test("without a trial the plan is the same object", () => {
  expect(markCanaries(plan, null)).toBe(plan);
});

test("status tells of both sides", () => {
  expect(describeTrial(trial, "chat")).toBeUndefined();
  expect(describeTrial(trial, "shop")).toEqual({
    release: "r2",
    share: 0.1,
    elapsedMs: 5,
    wanted: 100,
    timeMs: 1,
    deadlineMs: 2,
    old: side,
    new: side,
  });
});
