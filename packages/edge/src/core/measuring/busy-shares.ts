/** How busy each worker is: a running mean of samples, which forgets what is older than some ten seconds. */

export interface BusyShares {
  /** @param loads of all workers there are, by anything that names one: from 0 to 1 */
  readonly sample: (loads: Iterable<readonly [worker: number, share: number]>) => void;
  readonly of: (worker: number) => number;
}

/** Between two samples. */
export const busySampleMs = 250;
/** So much of the mean is the newest sample: after ten seconds a third of what was before is left. */
const newest = busySampleMs / 10_000;

export function createBusyShares(): BusyShares {
  let shares = new Map<number, number>();
  return {
    sample(loads) {
      const next = new Map<number, number>();
      for (const [worker, share] of loads) {
        const before = shares.get(worker) ?? share;
        next.set(worker, before + (Math.min(share, 1) - before) * newest);
      }
      shares = next;
    },
    of: (worker) => shares.get(worker) ?? 0,
  };
}
