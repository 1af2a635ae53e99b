/** Samples how many of their slots the workers use, from shared memory. */
import { busySampleMs, createBusyShares } from "../../core/measuring/busy-shares.ts";
import type { KnownWorker, WorkerRegistry } from "../../core/scheduling/worker-registry.ts";
import { readLoad, slotCount } from "../../core/scheduling/worker-slots.ts";

export interface BusySampler extends Disposable {
  /** From 0 to 1. */
  readonly of: (worker: KnownWorker) => number;
}

export function startBusySampler(registry: WorkerRegistry): BusySampler {
  const shares = createBusyShares();

  function* loads(): Iterable<readonly [number, number]> {
    for (const { serial, slots } of registry.all()) {
      yield [serial, readLoad(slots) / slotCount(slots)];
    }
  }

  const ticker = setInterval(() => shares.sample(loads()), busySampleMs);
  return { of: ({ serial }) => shares.of(serial), [Symbol.dispose]: () => clearInterval(ticker) };
}
