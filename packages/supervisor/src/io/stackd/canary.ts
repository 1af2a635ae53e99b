/**
 * The trial of `reload --canary`: new generations serve a share of the requests beside the old, what
 * both do is compared every second, and one side is found to be the one to keep. Nothing of it
 * is remembered: a successor of this stackd takes the new code back.
 */
import type { AppPlan, CanaryPlan } from "@stack/config";
import { type CanaryVerdictStatus, canaryName } from "@stack/control";
import { createSideTally, type SideTally } from "../../core/canary-tally.ts";
import type { AppTrial, CanaryTrial } from "../../core/canary-trial.ts";
import { type CanaryVerdict, decideCanary } from "../../core/decide-canary.ts";
import { canaryTakenBack, changeUnderWay } from "../../errors.ts";
import type { Stack } from "./stack.ts";

interface Side {
  readonly policy: CanaryPlan;
  readonly old: SideTally;
  readonly fresh: SideTally;
}

const everyMs = 1_000;
const defaultPolicy: CanaryPlan = { requests: 100, timeMs: 60_000, deadlineMs: 900_000 };

/** Resolves when all of the apps may be promoted; throws E3501 when one must be taken back. */
export async function tryCanary(
  stack: Stack,
  apps: readonly AppPlan[],
  share: number,
  release: string,
): Promise<void> {
  const startedMs = performance.now();
  const sides = new Map<string, Side>();
  for (const { name, canary = defaultPolicy } of apps) {
    const [old, fresh] = [createSideTally(name), createSideTally(canaryName(name))];
    sides.set(name, { policy: canary, old, fresh });
  }

  function read(): CanaryTrial {
    const elapsedMs = Math.round(performance.now() - startedMs);
    const trials = [...sides].map(([app, { policy, old, fresh }]): [string, AppTrial] => [
      app,
      { policy, elapsedMs, old: old.read(), fresh: fresh.read() },
    ]);
    return { release, share, apps: Object.fromEntries(trials) };
  }

  function count(): void {
    const metrics = new Map(
      stack.edges.all().flatMap((edge) => {
        const window = edge.window();
        return window === null ? [] : [[edge.generation, window.last] as const];
      }),
    );
    for (const { old, fresh } of sides.values()) {
      old.add(metrics);
      fresh.add(metrics);
    }
    stack.canary = read();
    stack.onChange();
  }

  count();
  await stack.edges.configure();
  const percent = `${Math.round(share * 1000) / 10}%`;
  for (const app of sides.keys()) {
    stack.note("info", app, `canary: ${percent} of the requests go to ${release}`);
  }
  const verdicts = await untilDecided(stack, count);
  for (const [app, { reason }] of verdicts) {
    stack.note("info", app, `canary: promoted: ${reason}`);
    remember(stack, app, "promoted", reason);
  }
}

function remember(
  stack: Stack,
  app: string,
  verdict: CanaryVerdictStatus["verdict"],
  reason: string,
): void {
  const release = stack.canary?.release ?? stack.release();
  stack.lastCanaries.set(app, { release, at: new Date().toISOString(), verdict, reason });
}

/** Looks every second. */
function untilDecided(
  stack: Stack,
  count: () => void,
): Promise<ReadonlyMap<string, Extract<CanaryVerdict, { kind: "promote" }>>> {
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      try {
        count();
        const promoted = judge(stack);
        if (promoted !== undefined) end(() => resolve(promoted));
      } catch (error) {
        end(() => reject(error as Error));
      }
    }, everyMs);
    function end(act: () => void): void {
      clearInterval(timer);
      act();
    }
  });
}

/** Undefined while one of them goes on. Throws for the first that must be taken back. */
function judge(
  stack: Stack,
): ReadonlyMap<string, Extract<CanaryVerdict, { kind: "promote" }>> | undefined {
  if (stack.phase === "stopping") throw changeUnderWay({ change: "down" });
  const promoted = new Map<string, Extract<CanaryVerdict, { kind: "promote" }>>();
  let isOpen = false;
  for (const [app, trial] of Object.entries(stack.canary?.apps ?? {})) {
    const verdict = decideCanary(trial.policy, { ...trial, failure: failureOf(stack, app) });
    if (verdict.kind === "take-back") {
      remember(stack, app, "taken-back", verdict.reason);
      throw canaryTakenBack({ app, reason: verdict.reason });
    }
    if (verdict.kind === "promote") promoted.set(app, verdict);
    else isOpen = true;
  }
  return isOpen ? undefined : promoted;
}

/** Its workers fail, or are not there any more. */
function failureOf(stack: Stack, app: string): string | null {
  for (const { plan, instance } of stack.services.values()) {
    if (plan.kind !== "app" || plan.app.name !== app || stack.isStopped(plan)) continue;
    const view = instance?.view();
    if (view === null || view === undefined) return `${plan.name} ended`;
    const { canary = null } = view;
    if (canary === null) return `${plan.name} has lost it`;
    if (canary.error !== null) return canary.error.title;
  }
  return null;
}
