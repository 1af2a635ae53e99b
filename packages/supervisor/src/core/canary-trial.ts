/** `reload --canary` while it is under way: how the edge is told, and what `status` says of it. */
import type { CanaryPlan, EdgePlan } from "@stack/config";
import { type CanaryStatus, canaryName } from "@stack/control";
import type { CanarySide } from "./decide-canary.ts";

export interface CanaryTrial {
  /** What the new code is called. */
  readonly release: string;
  readonly share: number;
  readonly apps: Readonly<Record<string, AppTrial>>;
}

export interface AppTrial {
  readonly policy: CanaryPlan;
  readonly elapsedMs: number;
  readonly old: CanarySide;
  readonly fresh: CanarySide;
}

/** The plan with a share of the requests of every app on trial going to its new code. */
export function markCanaries(plan: EdgePlan, trial: CanaryTrial | null): EdgePlan {
  if (trial === null) return plan;
  const apps = Object.entries(plan.apps).map(([app, settings]) => {
    if (trial.apps[app] === undefined) return [app, settings] as const;
    const canary = { app: canaryName(app), share: trial.share, salt: trial.release };
    return [app, { ...settings, canary }] as const;
  });
  return { ...plan, apps: Object.fromEntries(apps) };
}

export function describeTrial(trial: CanaryTrial, app: string): CanaryStatus | undefined {
  const own = trial.apps[app];
  if (own === undefined) return undefined;
  const { release, share } = trial;
  const { policy, elapsedMs, old, fresh } = own;
  const { requests: wanted, timeMs, deadlineMs } = policy;
  return { release, share, elapsedMs, wanted, timeMs, deadlineMs, old, new: fresh };
}
