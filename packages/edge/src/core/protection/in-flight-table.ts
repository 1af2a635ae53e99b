/**
 * Requests in flight by key, over all threads: each thread counts its own in a region that only it
 * writes, and adds up all regions to decide. It counts itself first and looks then, so that two
 * threads at the last place may both be refused, but never both let through. A thread that ends
 * leaves its region to be cleared.
 *
 * A key has eight cells where it may be; a cell is free when its count is 0. Where all eight are
 * taken by others, the request is let through uncounted: the memory is bounded, and it takes more
 * keys at once than there are connections.
 */
import { hashKey, type KeyHash } from "@stack/base";

const ways = 8;
const sets = 4_096;
/** Mark and count. */
const cellWords = 2;
const regionWords = sets * ways * cellWords;
const seedWords = 2;

export interface InFlightTable {
  /** The cell to be given to `leave`; `full` beyond the limit, `uncounted` where there is no room. */
  readonly enter: (name: string, key: string, limit: number) => number;
  readonly leave: (cell: number) => void;
}

export const full = -1;
export const uncounted = -2;

export function createInFlightMemory(
  seed: readonly [low: number, high: number],
  threads: number,
): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((seedWords + threads * regionWords) * 4);
  new Uint32Array(memory, 0, seedWords).set(seed);
  return memory;
}

/** Of a thread that ended: nothing of it is in flight any more. */
export function clearInFlight(memory: SharedArrayBuffer, thread: number): void {
  new Int32Array(memory, (seedWords + thread * regionWords) * 4, regionWords).fill(0);
}

export function openInFlightTable(memory: SharedArrayBuffer, thread: number): InFlightTable {
  const words = new Int32Array(memory);
  const threads = (words.length - seedWords) / regionWords;
  const seed = [words[0] ?? 0, words[1] ?? 0] as const;
  const hash: KeyHash = { low: 0, high: 0 };
  const own = seedWords + thread * regionWords;

  /** Where the key is counted in a region; -1 when it is not. */
  function find(region: number, set: number, mark: number): number {
    const first = region + set * ways * cellWords;
    for (let cell = first; cell < first + ways * cellWords; cell += cellWords) {
      if (Atomics.load(words, cell) === mark && Atomics.load(words, cell + 1) > 0) return cell;
    }
    return -1;
  }

  function findFree(set: number): number {
    const first = own + set * ways * cellWords;
    for (let cell = first; cell < first + ways * cellWords; cell += cellWords) {
      if (Atomics.load(words, cell + 1) === 0) return cell;
    }
    return -1;
  }

  return {
    enter(name, key, limit) {
      hashKey(seed, `${name}\0${key}`, hash);
      const set = hash.low & (sets - 1);
      const mark = hash.high | 0;
      let cell = find(own, set, mark);
      if (cell < 0) {
        cell = findFree(set);
        if (cell < 0) return uncounted;
        Atomics.store(words, cell, mark);
      }
      Atomics.add(words, cell + 1, 1);
      let total = 0;
      for (let index = 0; index < threads; index += 1) {
        const found = find(seedWords + index * regionWords, set, mark);
        if (found >= 0) total += Atomics.load(words, found + 1);
      }
      if (total <= limit) return cell;
      Atomics.sub(words, cell + 1, 1);
      return full;
    },
    leave(cell) {
      if (cell >= 0) Atomics.sub(words, cell + 1, 1);
    },
  };
}
