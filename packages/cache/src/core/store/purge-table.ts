/**
 * What was purged when, in memory of a fixed size that all threads of an edge share. A purge notes its
 * time under the hash of what it names; a record is purged when it was stored no later than the time
 * noted for one of the things it goes by. Two names may share a cell: then too much is purged, never
 * too little. Two cells per name, of which the earlier time counts, make that rare (one in a thousand
 * after a thousand purges).
 */
import type { Purge, PurgeTarget } from "./purge.ts";

export type PurgeState = "valid" | "stale" | "gone";

export interface PurgeTable {
  /** Takes the same time however much is stored; every thread sees it when this returns. */
  readonly purge: (purge: Purge) => void;
  /** @param storedAt when the answer was asked for: what was under way during a purge is purged */
  readonly state: (key: string, tags: readonly string[], storedAt: number) => PurgeState;
  /** Changes with each purge: a thread that sees the same number need not ask again. One load. */
  readonly changes: () => number;
}

/**
 * Prefixes of so many different lengths are told apart. A prefix of a further length is shortened to
 * one of these, down to none at all: then it purges everything.
 */
const mostPrefixLengths = 16;
const changesWord = 0;
const firstLengthWord = 1;
const headerBytes = 128;

const cellsPerRow = 32_768;
/** Cells of one kind of purge: two rows, and one for "all". */
const kindCells = 2 * cellsPerRow + 1;
const allCell = 2 * cellsPerRow;

const urlSeed = 1;
const tagSeed = 2;
const prefixSeed = 3;

/** Memory for one edge process, 1 MB; share it with all threads. */
export function createPurgeMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(headerBytes + 2 * kindCells * 8);
}

export function openPurgeTable(memory: SharedArrayBuffer): PurgeTable {
  const words = new Int32Array(memory, 0, headerBytes / 4);
  /**
   * Times as they are read. An aligned number of 64 bits is read and written whole on every machine
   * that Node runs on; `changes` orders the accesses.
   */
  const times = new Float64Array(memory, headerBytes, 2 * kindCells);
  /** The same, to be raised by compare-and-swap: positive numbers sort alike as integers. */
  const raw = new BigInt64Array(memory, headerBytes, 2 * kindCells);
  const exchanged = new Float64Array(1);
  const exchangedRaw = new BigInt64Array(exchanged.buffer);

  let first = 0;
  let second = 0;
  let seenChanges = 0;
  /** Ascending. */
  let prefixLengths: readonly number[] = [];

  function raise(cell: number, atMs: number): void {
    exchanged[0] = atMs;
    const wanted = exchangedRaw[0] as bigint;
    for (;;) {
      const before = Atomics.load(raw, cell);
      if (before >= wanted || Atomics.compareExchange(raw, cell, before, wanted) === before) return;
    }
  }

  /** Begins a hash; `advance` and `locate` go on with it. */
  let one = 0;
  let two = 0;

  function begin(seed: number): void {
    one = seed;
    two = ~seed;
  }

  function advance(text: string, from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      const code = text.charCodeAt(at);
      one = Math.imul(one ^ code, 0x01000193);
      two = Math.imul((two << 5) ^ (two >>> 27) ^ code, 0x9e3779b1);
    }
  }

  /** The cells of what was hashed so far. */
  function locate(length: number): void {
    first = mix(one ^ length) % cellsPerRow;
    second = cellsPerRow + (mix(two + length) % cellsPerRow);
  }

  function isPurged(kind: number, storedAt: number): boolean {
    return (
      (times[kind + first] as number) >= storedAt && (times[kind + second] as number) >= storedAt
    );
  }

  /** Of what was located: 2 gone, 1 stale, 0 valid. */
  function judge(storedAt: number): number {
    if (isPurged(kindCells, storedAt)) return 2;
    return isPurged(0, storedAt) ? 1 : 0;
  }

  /** The length at which a prefix is noted: its own where there is room, else a shorter one. */
  function claimLength(length: number): number {
    let shorter = 0;
    for (let word = firstLengthWord; word < firstLengthWord + mostPrefixLengths; word += 1) {
      const known = Atomics.compareExchange(words, word, 0, length);
      if (known === 0 || known === length) return length;
      if (known < length && known > shorter) shorter = known;
    }
    return shorter;
  }

  function readLengths(): void {
    const changes = Atomics.load(words, changesWord);
    if (changes === seenChanges) return;
    seenChanges = changes;
    prefixLengths = [...words.subarray(firstLengthWord, firstLengthWord + mostPrefixLengths)]
      .filter((length) => length > 0)
      .sort((a, b) => a - b);
  }

  function note(kind: number, target: PurgeTarget, atMs: number): void {
    switch (target.kind) {
      case "all":
        raise(kind + allCell, atMs);
        return;
      case "tag":
        begin(tagSeed);
        advance(target.tag, 0, target.tag.length);
        locate(target.tag.length);
        break;
      case "url": {
        const end = resourceEnd(target.url);
        begin(urlSeed);
        advance(target.url, 0, end);
        locate(end);
        break;
      }
      case "prefix": {
        const length = claimLength(resourceEnd(target.prefix));
        if (length === 0) {
          raise(kind + allCell, atMs);
          return;
        }
        begin(prefixSeed);
        advance(target.prefix, 0, length);
        locate(length);
        break;
      }
    }
    raise(kind + first, atMs);
    raise(kind + second, atMs);
  }

  return {
    purge({ target, soft, atMs }) {
      note(soft ? 0 : kindCells, target, atMs);
      Atomics.add(words, changesWord, 1);
    },
    state(key, tags, storedAt) {
      readLengths();
      if (seenChanges === 0) return "valid";
      if ((times[kindCells + allCell] as number) >= storedAt) return "gone";
      let worst = (times[allCell] as number) >= storedAt ? 1 : 0;
      const end = resourceEnd(key);
      begin(urlSeed);
      advance(key, 0, end);
      locate(end);
      worst = Math.max(worst, judge(storedAt));
      for (const tag of tags) {
        begin(tagSeed);
        advance(tag, 0, tag.length);
        locate(tag.length);
        worst = Math.max(worst, judge(storedAt));
      }
      begin(prefixSeed);
      let hashed = 0;
      for (const length of prefixLengths) {
        if (length > end) break;
        advance(key, hashed, length);
        hashed = length;
        locate(length);
        worst = Math.max(worst, judge(storedAt));
      }
      if (worst === 2) return "gone";
      return worst === 1 ? "stale" : "valid";
    },
    changes: () => Atomics.load(words, changesWord),
  };
}

/** Of the URL a key begins with (`policy/cache-key.ts`). */
function resourceEnd(key: string): number {
  const end = key.indexOf("\n");
  return end < 0 ? key.length : end;
}

/** The finalizer of MurmurHash3. */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
