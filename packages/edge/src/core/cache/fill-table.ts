/**
 * Which thread is fetching what, over shared memory: concurrent misses on one key make one request.
 * A cell is one word, a part of the key's hash and the thread; so a thread can be wrongly thought to
 * fetch a key, and says so when asked. Where all cells of a key are taken it is fetched without one,
 * perhaps twice: a table that is full costs requests, never answers.
 */
import { hashKey, type KeyHash } from "@stack/base";

const cells = 8_192;
/** Cells a key may be in. */
const probes = 8;
const ownerBits = 7;
const ownerMask = (1 << ownerBits) - 1;

/** Keys whose answers were not for everybody, for a while: a mark and when it ends, in seconds. */
const marks = 4_096;
const markWords = 2;

/** What `claim` says of a key that nobody fetches and that has no cell for it. */
export const noCell = -1;

type FillClaim =
  /** It is ours to fetch; to be released by `cell`. */
  | { readonly kind: "mine"; readonly cell: number }
  | { readonly kind: "theirs"; readonly thread: number };

export interface FillTable {
  readonly claim: (key: string) => FillClaim;
  readonly release: (cell: number) => void;
  /** The answer was not for everybody: until then nobody waits for another of its kind. */
  readonly mark: (key: string, untilSeconds: number) => void;
  readonly isMarked: (key: string, nowSeconds: number) => boolean;
  readonly unmark: (key: string) => void;
}

export function createFillMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((cells + marks * markWords) * 4);
}

/** @param seed random, the same in all threads */
export function openFillTable(
  memory: SharedArrayBuffer,
  seed: readonly [number, number],
  self: number,
): FillTable {
  const words = new Int32Array(memory);
  const hash: KeyHash = { low: 0, high: 0 };
  const mine = self + 1;

  const markAt = (key: string): number => {
    hashKey(seed, key, hash);
    return cells + (hash.low % marks) * markWords;
  };
  return {
    claim(key) {
      hashKey(seed, key, hash);
      const tag = (hash.high << ownerBits) & 0x7fffffff;
      for (let attempt = 0; attempt < probes; attempt += 1) {
        let free = noCell;
        for (let probe = 0; probe < probes; probe += 1) {
          const cell = (hash.low + probe) % cells;
          const word = Atomics.load(words, cell);
          if (word === 0) {
            if (free === noCell) free = cell;
          } else if ((word & ~ownerMask) === tag) {
            const owner = word & ownerMask;
            return owner === mine
              ? { kind: "mine", cell: noCell } // another key of ours that looks the same
              : { kind: "theirs", thread: owner - 1 };
          }
        }
        if (free === noCell) break;
        if (Atomics.compareExchange(words, free, 0, tag | mine) === 0) {
          return { kind: "mine", cell: free };
        }
      }
      return { kind: "mine", cell: noCell };
    },
    release(cell) {
      if (cell !== noCell) Atomics.store(words, cell, 0);
    },
    mark(key, untilSeconds) {
      const at = markAt(key);
      Atomics.store(words, at, hash.high | 0);
      Atomics.store(words, at + 1, untilSeconds | 0);
    },
    isMarked(key, nowSeconds) {
      const at = markAt(key);
      return (words[at + 1] as number) > nowSeconds && words[at] === (hash.high | 0);
    },
    unmark(key) {
      const at = markAt(key);
      if (words[at] === (hash.high | 0)) Atomics.store(words, at + 1, 0);
    },
  };
}

/** A thread ended: it fetches nothing any more. */
export function forgetFills(memory: SharedArrayBuffer, thread: number): void {
  const words = new Int32Array(memory, 0, cells);
  for (let cell = 0; cell < cells; cell += 1) {
    const word = Atomics.load(words, cell);
    if ((word & ownerMask) === thread + 1) Atomics.compareExchange(words, cell, word, 0);
  }
}
