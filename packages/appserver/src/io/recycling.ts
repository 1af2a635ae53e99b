/**
 * Looks at the workers of a generation once a second, and has those replaced that have reached a
 * limit of `core/recycle.ts`: one at a time, each after its successor is ready.
 */
import type { Logger } from "@stack/base";
import type { RecyclePlan } from "@stack/config";
import type { GoneAnswer } from "@stack/control";
import { readFamily, readMemoryBytes, readResidentBytes } from "@stack/process";
import { decideRecycle, drawLimits, measureFromBytes } from "../core/recycle.ts";
import type { Worker } from "./worker.ts";

export interface RecyclingOptions {
  readonly plan: RecyclePlan;
  /** Those that are ready, in their slots. */
  readonly workers: () => readonly Worker[];
  readonly requestsOf: (key: string) => number;
  /** Whether some worker is being replaced already. */
  readonly isBusy: () => boolean;
  /** Starts its successor; the worker drains when that is ready. */
  readonly renew: (worker: Worker, reason: string) => void;
  readonly log: Logger;
}

const lookEveryMs = 1_000;
const killed: GoneAnswer = { status: 502, reason: "the application used too much memory" };

/** Works until it is disposed. */
export function startRecycling(options: RecyclingOptions): Disposable {
  const limitsOf = new WeakMap<Worker, RecyclePlan>();
  const measureFrom = measureFromBytes(options.plan);

  function look(): void {
    for (const worker of options.workers()) {
      const limits = limitsOf.get(worker) ?? drawLimits(options.plan, Math.random());
      limitsOf.set(worker, limits);
      const decision = decideRecycle(limits, {
        requests: options.requestsOf(worker.spec.key),
        ageMs: worker.readyMs(),
        memoryBytes: measure(worker.view().pid),
      });
      if (decision.kind === "kill") {
        options.log.warn(`${worker.spec.id}: ${decision.reason}; it is killed`);
        worker.kill(decision.reason, killed);
      } else if (decision.kind === "renew" && !options.isBusy()) {
        options.renew(worker, decision.reason);
      }
    }
  }

  /** Resident memory is cheap to read and never less than proportional memory. */
  function measure(pid: number | null): number | undefined {
    if (pid === null || measureFrom === Number.POSITIVE_INFINITY) return undefined;
    const family = readFamily(pid);
    if (sum(family, readResidentBytes) <= measureFrom) return undefined;
    return sum(family, readMemoryBytes);
  }

  const ticker = setInterval(look, lookEveryMs);
  return { [Symbol.dispose]: () => clearInterval(ticker) };
}

function sum(pids: readonly number[], read: (pid: number) => number | undefined): number {
  return pids.reduce((total, pid) => total + (read(pid) ?? 0), 0);
}
