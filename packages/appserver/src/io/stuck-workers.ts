/** Carries out what `core/stuck.ts` decides for the worker of a request that took too long. */
import type { Logger } from "@stack/base";
import type { StuckMeasure } from "../core/stuck.ts";
import { probeGreeting } from "./probe-greeting.ts";
import type { Worker } from "./worker.ts";

export interface StuckOptions {
  readonly log: Logger;
  /** Starts another in its place, if it is still there. */
  readonly succeed: (worker: Worker) => void;
}

export type StuckWorkers = (worker: Worker, measure: StuckMeasure, reason: string) => void;

/** How long a loop with many requests may take to greet a new connection. */
const greetingMs = 2_000;

export function createStuckWorkers({ log, succeed }: StuckOptions): StuckWorkers {
  const asked = new Set<Worker>();

  async function ask(worker: Worker, reason: string): Promise<void> {
    const address = worker.address()?.address;
    if (address === undefined || asked.has(worker)) return;
    asked.add(worker);
    const turns = await probeGreeting(address, greetingMs);
    asked.delete(worker);
    if (turns) log.warn(`${worker.spec.id}: ${reason}; its loop turns, so it is left alone`);
    else worker.kill(reason);
  }

  return (worker, measure, reason) => {
    if (measure === "kill") {
      worker.kill(reason);
    } else if (measure === "replace") {
      succeed(worker);
      worker.drain(reason);
    } else {
      void ask(worker, reason);
    }
  };
}
