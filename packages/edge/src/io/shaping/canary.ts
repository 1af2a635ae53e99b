/**
 * `reload --canary`: a share of an app's visitors gets its new code. It is a split like any other; the
 * cookie lasts as long as the visitor's session, and means nothing in the next trial.
 */
import type { EdgeAppPlan, TargetPlan } from "@stack/config";
import type { Backend } from "../exchange.ts";
import { createSplitBackend, type TargetFinder } from "./split.ts";

const cookie = "stack-canary";

export function createCanaryBackend(
  old: TargetPlan,
  { app, share, salt }: NonNullable<EdgeAppPlan["canary"]>,
  target: TargetFinder,
): Backend {
  const choices = [
    { target: old, weight: 1 - share },
    { target: { kind: "app", name: app } as const, weight: share },
  ];
  return createSplitBackend(
    { kind: "split", choices, sticky: { cookie, maxAgeS: null }, salt },
    target,
  );
}
