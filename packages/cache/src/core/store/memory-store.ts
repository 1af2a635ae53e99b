/**
 * The first level of the cache: memory of a fixed size that all threads of an edge share. Reading
 * takes no lock: a record's version is odd while it may be read, and the same after reading as
 * before if it was not touched meanwhile. Who finds a part of the store busy takes that for a miss,
 * or does not store.
 */
import { hashKey, type KeyHash } from "@stack/base";
import type { CacheRecord } from "../cache-record.ts";
import type { ListedRecord } from "./listed-record.ts";
import { createBlockSpace } from "./memory/block-space.ts";
import {
  blockBytes,
  type MemoryLayout,
  openViews,
  shardWord,
  shardWords,
} from "./memory/memory-layout.ts";
import { createRecordBytes } from "./memory/record-bytes.ts";
import { createShardLock } from "./memory/shard-lock.ts";
import { createSlotQueues, mainQueue, mostUses } from "./memory/slot-queues.ts";

/** Where a record lies, and which one it was that lay there. */
export interface RecordPlace {
  readonly slot: number;
  readonly version: number;
}

export interface FoundRecord extends CacheRecord, RecordPlace {}

export interface MemoryStats {
  readonly records: number;
  /** Bytes in use, and how many there are for contents. */
  readonly bytes: number;
  readonly capacityBytes: number;
  /** Since the edge began. */
  readonly stored: number;
  readonly evicted: number;
}

export interface MemoryStore {
  /** A copy of the record, and its place; undefined when there is none that may be kept now. */
  readonly get: (key: string, nowMs: number) => FoundRecord | undefined;
  /**
   * Whether the record found there is still the one to serve: one load. Counts as a use. A thread may
   * keep what it made of a record, and serve it as long as this says yes and it is not purged.
   */
  readonly isCurrent: (place: RecordPlace) => boolean;
  /**
   * Replaces what was there. False: it is too large, and what was there is gone; or that part of the
   * store was busy, and what was there still is.
   */
  readonly set: (key: string, record: CacheRecord) => boolean;
  /** False when there was none. Use the purge table to be sure that no thread has it any more. */
  readonly delete: (key: string) => boolean;
  /** Some records, in no order; go on with `next` until it is undefined. */
  readonly list: (from: number) => {
    readonly records: readonly ListedRecord[];
    readonly next: number | undefined;
  };
  readonly stats: () => MemoryStats;
  /** Of a record: key, meta, tags and body together. Larger ones are not kept. */
  readonly maxRecordBytes: number;
  /** A thread ended, perhaps amid a write: the shard it was writing to is emptied and comes free. */
  readonly recover: (owner: number) => void;
}

/** A record takes at most this part of its shard. */
const largestShare = 1 / 4;
/** A reader that loses its way because a bucket is being changed looks again so often. */
const mostLooks = 50;
/** A bucket longer than this is not read to its end. */
const mostSteps = 256;
const storeSleeps = 2;
const deleteSleeps = 50;
const listedAtOnce = 256;
const headBytes = 32;

/**
 * @param owner which thread this is, at least 1; no two threads are the same
 */
export function attachMemoryStore(layout: MemoryLayout, owner: number): MemoryStore {
  const views = openViews(layout);
  const { headers, versions, hashLows, hashHighs, chained, buckets } = views;
  const { firstBlocks, blockCounts, uses, queues, older } = views;
  const { shards, slotsPerShard, blocksPerShard, seed } = layout;
  const space = createBlockSpace(views);
  const queue = createSlotQueues(views);
  const records = createRecordBytes(views, space);
  const lock = createShardLock(views, owner);
  const mostBlocks = Math.floor(blocksPerShard * largestShare);
  const hash: KeyHash = { low: 0, high: 0 };
  /** This thread's own: a store to it keeps loads before it from moving behind it. */
  const fence = new Int32Array(new SharedArrayBuffer(4));

  /** Hashes a key and finds its shard. */
  function locate(key: string): number {
    hashKey(seed, key, hash);
    hash.low |= 0;
    hash.high |= 0;
    return (hash.high >>> 0) % shards;
  }

  function bucketOf(shard: number, low: number): number {
    return shard * slotsPerShard + ((low >>> 0) % slotsPerShard);
  }

  /** The slot of the key that was hashed last, or -1. */
  function find(shard: number): number {
    let next = Atomics.load(buckets, bucketOf(shard, hash.low));
    for (let steps = 0; next !== 0 && steps < mostSteps; steps += 1) {
      const slot = next - 1;
      if (hashLows[slot] === hash.low && hashHighs[slot] === hash.high) return slot;
      next = Atomics.load(chained, slot);
    }
    return -1;
  }

  function look(shard: number, key: string, nowMs: number): FoundRecord | undefined {
    const slot = find(shard);
    if (slot < 0) return undefined;
    const version = Atomics.load(versions, slot);
    const first = firstBlocks[slot] as number;
    if ((version & 1) === 0 || first === 0) return undefined;
    const record = records.read(first, key, nowMs);
    Atomics.store(fence, 0, 0);
    if (record === undefined || Atomics.load(versions, slot) !== version) return undefined;
    use(slot);
    return { ...record, slot, version };
  }

  function use(slot: number): void {
    const used = uses[slot] as number;
    if (used < mostUses) uses[slot] = used + 1;
  }

  /** Everything below wants the shard's lock. */
  function bump(shard: number, word: number, by: number): void {
    headers[shard * shardWords + word] = ((headers[shard * shardWords + word] as number) + by) | 0;
  }

  function takeSlot(shard: number): number {
    const header = shard * shardWords;
    const free = headers[header + shardWord.freeSlot] as number;
    if (free !== 0) {
      headers[header + shardWord.freeSlot] = older[free - 1] as number;
      return free - 1;
    }
    const fresh = headers[header + shardWord.freshSlots] as number;
    if (fresh === slotsPerShard) return -1;
    headers[header + shardWord.freshSlots] = fresh + 1;
    return shard * slotsPerShard + fresh;
  }

  function remove(shard: number, slot: number): void {
    Atomics.add(versions, slot, 1); // even: nobody reads it from here on
    queue.remove(shard, slot);
    unlink(shard, slot);
    space.free(shard, firstBlocks[slot] as number, blockCounts[slot] as number);
    firstBlocks[slot] = 0;
    older[slot] = headers[shard * shardWords + shardWord.freeSlot] as number;
    headers[shard * shardWords + shardWord.freeSlot] = slot + 1;
    bump(shard, shardWord.records, -1);
  }

  /** A reader that stands on the slot still finds its way on. */
  function unlink(shard: number, slot: number): void {
    const bucket = bucketOf(shard, hashLows[slot] as number);
    const next = chained[slot] as number;
    if (buckets[bucket] === slot + 1) {
      Atomics.store(buckets, bucket, next);
      return;
    }
    let before = (buckets[bucket] as number) - 1;
    while (chained[before] !== slot + 1) before = (chained[before] as number) - 1;
    Atomics.store(chained, before, next);
  }

  /** A slot, and so many free blocks. */
  function makeRoom(shard: number, blocks: number, nowMs: number): number {
    const isOver = (slot: number): boolean =>
      records.keepUntil(firstBlocks[slot] as number) < nowMs;
    for (;;) {
      const slot = space.freeBlocks(shard) < blocks ? -1 : takeSlot(shard);
      if (slot >= 0) return slot;
      const victim = queue.chooseVictim(shard, isOver);
      if (victim < 0) return -1;
      remove(shard, victim);
      bump(shard, shardWord.evicted, 1);
    }
  }

  function insert(shard: number, key: string, record: CacheRecord, blocks: number): boolean {
    const { low, high } = hash;
    const known = find(shard);
    const [used, wasMain] = known < 0 ? [0, false] : [uses[known], queues[known] === mainQueue];
    if (known >= 0) remove(shard, known);
    if (blocks > mostBlocks) return false;
    const slot = makeRoom(shard, blocks, record.storedAt);
    if (slot < 0) return false;
    const chosen = wasMain ? mainQueue : queue.choose(shard, low, high);
    const first = space.allocate(shard, blocks);
    records.write(first, key, record);
    hashLows[slot] = low;
    hashHighs[slot] = high;
    firstBlocks[slot] = first;
    blockCounts[slot] = blocks;
    uses[slot] = used as number;
    queue.push(shard, slot, chosen);
    const bucket = bucketOf(shard, low);
    Atomics.store(chained, slot, buckets[bucket] as number);
    Atomics.store(buckets, bucket, slot + 1);
    Atomics.add(versions, slot, 1); // odd: it may be read
    bump(shard, shardWord.records, 1);
    bump(shard, shardWord.stored, 1);
    return true;
  }

  /** Makes a shard empty whatever state it is in. */
  function empty(shard: number): void {
    const start = shard * slotsPerShard;
    const end = start + slotsPerShard;
    for (let slot = start; slot < end; slot += 1) {
      if ((Atomics.load(versions, slot) & 1) === 1) Atomics.add(versions, slot, 1);
    }
    for (const words of [buckets, chained, firstBlocks, queues, views.ghostHashes]) {
      words.fill(0, start, end);
    }
    const header = shard * shardWords;
    headers.fill(0, header + shardWord.records, header + shardWord.ghostStamp);
  }

  function sum(word: number): number {
    let total = 0;
    for (let shard = 0; shard < shards; shard += 1) {
      total += (headers[shard * shardWords + word] as number) >>> 0;
    }
    return total;
  }

  return {
    maxRecordBytes: mostBlocks * blockBytes - headBytes,

    get(key, nowMs) {
      const shard = locate(key);
      const mutations = shard * shardWords + shardWord.mutations;
      for (let looks = 0; looks < mostLooks; looks += 1) {
        const before = Atomics.load(headers, mutations);
        const found = look(shard, key, nowMs);
        if (found !== undefined || Atomics.load(headers, mutations) === before) return found;
      }
      return undefined;
    },

    isCurrent({ slot, version }) {
      if (Atomics.load(versions, slot) !== version) return false;
      use(slot);
      return true;
    },

    set(key, record) {
      const blocks = records.blocksOf(key, record);
      const shard = locate(key);
      if (!lock.acquire(shard, storeSleeps)) return false;
      try {
        return insert(shard, key, record, blocks);
      } finally {
        lock.release(shard);
      }
    },

    delete(key) {
      const shard = locate(key);
      if (!lock.acquire(shard, deleteSleeps)) return false;
      try {
        const slot = find(shard);
        if (slot >= 0) remove(shard, slot);
        return slot >= 0;
      } finally {
        lock.release(shard);
      }
    },

    list(from) {
      const found: ListedRecord[] = [];
      let slot = from;
      for (; slot < versions.length && found.length < listedAtOnce; slot += 1) {
        const version = Atomics.load(versions, slot);
        const first = firstBlocks[slot] as number;
        if ((version & 1) === 0 || first === 0) continue;
        const record = records.describe(first);
        Atomics.store(fence, 0, 0);
        if (record !== undefined && Atomics.load(versions, slot) === version) found.push(record);
      }
      return { records: found, next: slot < versions.length ? slot : undefined };
    },

    stats: () => ({
      records: sum(shardWord.records),
      bytes: sum(shardWord.blocksInUse) * blockBytes,
      capacityBytes: shards * blocksPerShard * blockBytes,
      stored: sum(shardWord.stored),
      evicted: sum(shardWord.evicted),
    }),

    recover(dead) {
      for (let shard = 0; shard < shards; shard += 1) {
        if (!lock.takeOver(shard, dead)) continue;
        empty(shard);
        lock.release(shard);
      }
    },
  };
}
