/**
 * Which threads have given up their spare descriptor to get rid of connections none was left for.
 * Until each has one again all threads close what they accept: one that served it would keep the
 * spare of another, and once all spares are gone nobody can even refuse.
 */

export interface DescriptorShortage {
  /** Before this thread closes its spare: at no moment one is free and the others serve. */
  readonly begin: () => void;
  /** This thread has a spare again. */
  readonly end: () => void;
  readonly isShort: () => boolean;
}

export function createShortageMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * 4);
}

export function createDescriptorShortage(
  memory: SharedArrayBuffer,
  thread: number,
): DescriptorShortage {
  const lacking = new Int32Array(memory);
  return {
    begin: () => void Atomics.store(lacking, thread, 1),
    end: () => void Atomics.store(lacking, thread, 0),
    isShort() {
      for (let index = 0; index < lacking.length; index += 1) {
        if (Atomics.load(lacking, index) === 1) return true;
      }
      return false;
    },
  };
}

/** A thread ended: its descriptors are free. */
export function forgetShortage(memory: SharedArrayBuffer, thread: number): void {
  new Int32Array(memory)[thread] = 0;
}
