/**
 * Carries out what `core/stuck.ts` decides for the worker of a request that took too long. First the
 * log gets the request and where the worker is, together: after its end nobody can tell.
 */
import { formatDuration, type Logger } from "@stack/base";
import type { RequestFacts } from "@stack/control";
import type { StuckMeasure } from "../core/stuck.ts";
import type { Worker } from "./worker.ts";

export interface StuckOptions {
  readonly log: Logger;
  /** Starts another in its place, if it is still there. */
  readonly succeed: (worker: Worker) => void;
}

export interface LateRequest extends RequestFacts {
  readonly ageMs: number;
}

export type StuckWorkers = (worker: Worker, measure: StuckMeasure, late: LateRequest) => void;

/** How long a loop with many requests may take to answer. */
const pingMs = 2_000;

export function createStuckWorkers({ log, succeed }: StuckOptions): StuckWorkers {
  /** Several requests of one worker are often late together: it is looked at once. */
  const lookedAt = new Set<Worker>();

  async function deal(worker: Worker, measure: StuckMeasure, reason: string): Promise<void> {
    const { id } = worker.spec;
    const turns = measure === "ask" && (await worker.turns(pingMs));
    const stacks = await worker.readStacks(turns);
    if (stacks.length === 0) log.warn(`${id}: where it is cannot be seen`);
    for (const line of stacks) log.warn(`${id}: ${line}`);
    if (turns) {
      log.warn(`${id}: ${reason}; its loop turns, so it is left alone`);
    } else if (measure === "replace") {
      succeed(worker);
      worker.drain(reason);
    } else {
      worker.kill(reason);
    }
  }

  return (worker, measure, { method, url, client, ageMs }) => {
    const age = formatDuration(ageMs);
    const { pid } = worker.view();
    log.warn(
      `${worker.spec.id} (pid ${pid}) has not answered ${method} ${url} for ${client} in ${age}`,
    );
    if (lookedAt.has(worker)) return;
    lookedAt.add(worker);
    void deal(worker, measure, `request timeout (${age})`).finally(() => lookedAt.delete(worker));
  };
}
