/**
 * When a worker is replaced though it works: after so many requests, so long, or when it has grown
 * too large. Limits are drawn for each worker, so that those started together do not leave together.
 */
import { formatBytes, formatDuration } from "@stack/base";
import type { RecyclePlan } from "@stack/config";

export interface WorkerFacts {
  readonly requests: number;
  /** Since it was ready. */
  readonly ageMs: number;
  /** Undefined where it was not measured. */
  readonly memoryBytes: number | undefined;
}

export type RecycleDecision =
  | { readonly kind: "keep" }
  /** Its successor first; then it drains. */
  | { readonly kind: "renew"; readonly reason: string }
  /** Now, whatever it does. */
  | { readonly kind: "kill"; readonly reason: string };

/** How much earlier than written requests and age may end a worker. */
const jitterShare = 0.1;

/** @param random from 0 to 1 */
export function drawLimits(plan: RecyclePlan, random: number): RecyclePlan {
  const share = 1 - jitterShare * random;
  return {
    ...plan,
    ...(plan.requests === undefined
      ? {}
      : { requests: Math.max(1, Math.round(plan.requests * share)) }),
    ...(plan.ageMs === undefined ? {} : { ageMs: plan.ageMs * share }),
  };
}

export function decideRecycle(limits: RecyclePlan, facts: WorkerFacts): RecycleDecision {
  const { requests, ageMs, softBytes, hardBytes } = limits;
  const { memoryBytes = 0 } = facts;
  if (hardBytes !== undefined && memoryBytes > hardBytes) {
    return { kind: "kill", reason: overMemory(memoryBytes, "hard", hardBytes) };
  }
  if (softBytes !== undefined && memoryBytes > softBytes) {
    return { kind: "renew", reason: overMemory(memoryBytes, "soft", softBytes) };
  }
  if (requests !== undefined && facts.requests >= requests) {
    return { kind: "renew", reason: `max requests (${facts.requests})` };
  }
  if (ageMs !== undefined && facts.ageMs >= ageMs) {
    return { kind: "renew", reason: `max age (${formatDuration(facts.ageMs)})` };
  }
  return { kind: "keep" };
}

/** From this much resident memory on, which costs nothing to read, proportional memory is measured. */
export function measureFromBytes({ softBytes, hardBytes }: RecyclePlan): number {
  return Math.min(softBytes ?? Number.POSITIVE_INFINITY, hardBytes ?? Number.POSITIVE_INFINITY);
}

function overMemory(bytes: number, limit: "soft" | "hard", limitBytes: number): string {
  return `memory ${formatBytes(bytes)}, over the ${limit} limit of ${formatBytes(limitBytes)}`;
}
