/** What a new plan asks of a running instance. */
import type { AppPlan } from "@stack/config";

export type PlanChange = "nothing" | "scale" | "replace";

/** Only another number of workers keeps the generation; anything else is code or environment. */
export function comparePlans(current: AppPlan, next: AppPlan): PlanChange {
  const same =
    JSON.stringify(sorted({ ...current, ...volatile })) ===
    JSON.stringify(sorted({ ...next, ...volatile }));
  if (!same) return "replace";
  const numbers = ({ workers, elastic }: AppPlan): string => JSON.stringify([workers, elastic]);
  return numbers(current) === numbers(next) ? "nothing" : "scale";
}

/** How many workers one instance runs: a command is always one process. */
export function workersPerInstance(plan: AppPlan): number {
  return plan.kind === "command" ? 1 : plan.workers;
}

/** The edge is another user than the workers: their sockets are for the group of their folder too. */
export function hasOtherEdge({ user, edgeGroup }: AppPlan): boolean {
  return user !== undefined || edgeGroup !== undefined;
}

/** Keys in which two plans of one generation may differ. */
const volatile = { workers: 0, elastic: null, instances: 0, place: null };

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
