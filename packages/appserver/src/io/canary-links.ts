/**
 * The edges as a generation on trial sees them (`reload --canary`): its workers are announced under
 * the canary's name, which has a queue and a share of the requests of its own; once it is promoted
 * under the app's as well; in the end under that alone.
 */
import type { WorkerRecord } from "@stack/control";
import type { EdgeLinks } from "./edge-links.ts";

export interface CanaryLinks extends EdgeLinks {
  /** The app's own requests reach the workers too. */
  readonly promote: () => void;
  /** No request comes by the canary's name any more; what is in flight by it goes on. */
  readonly settle: () => void;
}

/** @param own under the app's name; @param canary under the canary's, closed by `settle` or dispose */
export function createCanaryLinks(own: EdgeLinks, canary: EdgeLinks): CanaryLinks {
  const known = new Map<string, WorkerRecord>();
  let isOwn = false;
  let isCanary = true;

  function closeCanary(): void {
    if (isCanary) canary[Symbol.dispose]();
    isCanary = false;
  }

  return {
    announce(worker) {
      known.set(worker.key, worker);
      if (isOwn) own.announce(worker);
      if (isCanary) canary.announce(worker);
    },
    drain(key, drained) {
      known.delete(key);
      const one = onSecond(drained);
      own.drain(key, one); // at once where no edge knows it by this name
      if (isCanary) canary.drain(key, one);
      else one();
    },
    forget(key, answer, told) {
      known.delete(key);
      const one = told === undefined ? undefined : onSecond(told);
      own.forget(key, answer, one);
      if (isCanary) canary.forget(key, answer, one);
      else one?.();
    },
    waitMs: () => Math.max(own.waitMs(), isCanary ? canary.waitMs() : 0),
    inFlightOf: (key) => own.inFlightOf(key) + (isCanary ? canary.inFlightOf(key) : 0),
    requestsOf: (key) => own.requestsOf(key) + (isCanary ? canary.requestsOf(key) : 0),
    promote() {
      if (isOwn) return;
      isOwn = true;
      for (const worker of known.values()) own.announce(worker);
    },
    settle: closeCanary,
    [Symbol.dispose]: closeCanary,
  };
}

function onSecond(act: () => void): () => void {
  let calls = 0;
  return () => {
    calls += 1;
    if (calls === 2) act();
  };
}
