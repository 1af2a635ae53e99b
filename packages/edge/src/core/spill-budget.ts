/**
 * `limits.spillBytes`: what all temporary files of the edge together may hold, over all threads. A
 * file takes it in steps; each thread writes its own word, and adds up all of them to decide, itself
 * first: two threads at the bound may both be refused, never both let through.
 */

export const spillStepBytes = 256 * 1024;

export interface SpillBudget {
  /** One step more; false beyond the limit. */
  readonly take: (limitBytes: number) => boolean;
  readonly give: (steps: number) => void;
}

export function createSpillMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * 4);
}

export function createSpillBudget(memory: SharedArrayBuffer, thread: number): SpillBudget {
  const steps = new Int32Array(memory);
  return {
    take(limitBytes) {
      Atomics.add(steps, thread, 1);
      let total = 0;
      for (let index = 0; index < steps.length; index += 1) total += Atomics.load(steps, index);
      if (total * spillStepBytes <= limitBytes) return true;
      Atomics.sub(steps, thread, 1);
      return false;
    },
    give(count) {
      Atomics.sub(steps, thread, count);
    },
  };
}

/** A thread ended: its files are closed, and gone. */
export function forgetSpill(memory: SharedArrayBuffer, thread: number): void {
  new Int32Array(memory)[thread] = 0;
}
