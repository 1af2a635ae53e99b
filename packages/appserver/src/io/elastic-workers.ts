/** The number of workers of an instance whose app says `workers: { min, max }`. */
import { formatDuration, type Logger } from "@stack/base";
import type { AppPlan } from "@stack/config";
import {
  decideWorkers,
  type ElasticState,
  type LoadLook,
  lookEveryMs,
  startElastic,
} from "../core/elasticity.ts";

export interface ElasticWorkersOptions {
  /** What is wanted now; undefined while nothing is. */
  readonly plan: () => AppPlan | undefined;
  readonly look: () => LoadLook;
  /** Another number is right from now on. */
  readonly onChange: () => void;
  readonly log: Logger;
}

export interface ElasticWorkers extends Disposable {
  /** The plan with the number of workers that is right now. */
  readonly sized: <Plan extends AppPlan>(plan: Plan) => Plan;
}

export function startElasticWorkers(options: ElasticWorkersOptions): ElasticWorkers {
  let state: ElasticState | undefined;

  function look(): void {
    const plan = options.plan();
    const bounds = plan === undefined ? undefined : boundsOf(plan);
    if (bounds === undefined) {
      state = undefined; // a number that is said holds
      return;
    }
    const before = state ?? startElastic(bounds);
    const seen = options.look();
    state = decideWorkers(before, seen, bounds);
    if (state.workers === before.workers) return;
    const why =
      state.workers > before.workers
        ? `requests wait ${Math.round(seen.waitMs)} ms`
        : `nobody has waited for ${formatDuration(bounds.calmMs)}`;
    options.log.info(`${why}: ${state.workers} workers in place of ${before.workers}`);
    options.onChange();
  }

  const ticker = setInterval(look, lookEveryMs);
  return {
    sized(plan) {
      const bounds = boundsOf(plan);
      if (bounds === undefined) return plan;
      const workers = Math.min(Math.max(state?.workers ?? bounds.min, bounds.min), bounds.max);
      return { ...plan, workers };
    },
    [Symbol.dispose]: () => clearInterval(ticker),
  };
}

function boundsOf(plan: AppPlan) {
  return plan.elastic === undefined ? undefined : { min: plan.workers, ...plan.elastic };
}
