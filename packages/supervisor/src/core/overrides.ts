/** What of the changes made at run time outlives a reload of the config. */
import type { AppPlan, ResolvedConfig } from "@stack/config";
import { noOverrides, type Overrides, planServices } from "./services.ts";

/**
 * The file wins where it speaks anew: an app whose numbers were changed in it gets those; all other
 * wishes stay for as long as their service exists.
 */
export function carryOver(
  overrides: Overrides,
  before: ResolvedConfig,
  after: ResolvedConfig,
): Overrides {
  const scale = Object.entries(overrides.scale).filter(([name]) => {
    const [old, next] = [before.apps[name], after.apps[name]];
    return old !== undefined && next !== undefined && sameNumbers(old, next);
  });
  const kept = Object.fromEntries(scale);
  const names = new Set(
    planServices(after, { ...noOverrides, scale: kept }).map((plan) => plan.name),
  );
  return { scale: kept, stopped: overrides.stopped.filter((name) => names.has(name)) };
}

function sameNumbers(a: AppPlan, b: AppPlan): boolean {
  const numbers = ({ kind, workers, elastic, instances }: AppPlan): string =>
    JSON.stringify([kind, workers, elastic, instances]);
  return numbers(a) === numbers(b);
}
