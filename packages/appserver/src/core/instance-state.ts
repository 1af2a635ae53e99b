/** The one state of an instance that an operator sees, from what its workers are doing. */
import type { ServiceState } from "@stack/control";

export interface InstanceFacts {
  readonly draining: boolean;
  readonly desired: number;
  readonly ready: number;
  /** Nothing worked so far, or a slot is in a crash loop. */
  readonly failing: boolean;
  /** It was whole once. */
  readonly wasReady: boolean;
}

export function decideInstanceState(facts: InstanceFacts): ServiceState {
  if (facts.draining) return "draining";
  if (facts.desired > 0 && facts.ready >= facts.desired) return "ready";
  if (facts.ready > 0) return facts.failing || facts.wasReady ? "degraded" : "booting";
  if (facts.failing) return "crashed";
  return "booting";
}
