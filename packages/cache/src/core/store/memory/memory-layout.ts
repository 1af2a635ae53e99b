/**
 * The shape of the shared memory: two buffers of which each shard has an equal part. A shard is a
 * small cache of its own, so that two threads seldom write to the same one. Memory of zeros is an
 * empty store: numbers of slots and blocks are stored plus one, 0 is none. What is never used is
 * never touched, and costs nothing.
 */

/** Contents lie in chains of blocks of this size. */
export const blockBytes = 256;
/** One slot for so many blocks: records smaller than 1 KB run out of slots first. */
const blocksPerSlot = 4;
const usualShardBytes = 8 * 1024 * 1024;
const mostShards = 64;
const leastBytes = 64 * 1024;

/** Words of a shard's header. */
export const shardWord = {
  /** 0, or the owner who writes. */
  lock: 0,
  /** Counts the beginnings and ends of writes. */
  mutations: 1,
  records: 2,
  freeBlock: 3,
  freshBlocks: 4,
  blocksInUse: 5,
  freeSlot: 6,
  freshSlots: 7,
  smallHead: 8,
  smallTail: 9,
  smallBlocks: 10,
  smallRecords: 11,
  mainHead: 12,
  mainTail: 13,
  mainBlocks: 14,
  mainRecords: 15,
  ghostStamp: 16,
  stored: 17,
  evicted: 18,
} as const;
export const shardWords = 32;

/** Words of a slot: version, two of hash, next in its bucket, first block, blocks, queue, uses, both neighbours. */
const slotWords = 10;
/** Words per slot for the head of a bucket, and for what was evicted (hash, stamp). */
const tableWords = 3;

/** Shared memory; goes to other threads as it is (`workerData`, `postMessage`). */
export interface MemoryLayout {
  readonly seed: readonly [low: number, high: number];
  readonly shards: number;
  readonly slotsPerShard: number;
  readonly blocksPerShard: number;
  readonly index: SharedArrayBuffer;
  readonly content: SharedArrayBuffer;
}

/**
 * @param bytes of everything, index and contents
 * @param seed two random 32-bit numbers: nobody outside can choose keys that fall together
 */
export function createMemoryLayout(
  bytes: number,
  seed: readonly [low: number, high: number],
): MemoryLayout {
  const size = Math.max(bytes, leastBytes);
  const shards = Math.min(Math.max(Math.floor(size / usualShardBytes), 1), mostShards);
  const slotBytes = (slotWords + tableWords) * 4 + blocksPerSlot * (blockBytes + 4);
  const slotsPerShard = Math.floor((size / shards - shardWords * 4) / slotBytes);
  const blocksPerShard = slotsPerShard * blocksPerSlot;
  const words =
    shards * (shardWords + slotsPerShard * (slotWords + tableWords) + blocksPerShard) + 1;
  return {
    seed,
    shards,
    slotsPerShard,
    blocksPerShard,
    index: new SharedArrayBuffer(words * 4),
    content: new SharedArrayBuffer(shards * blocksPerShard * blockBytes),
  };
}

/** One thread's views of it. Arrays of slots and blocks are of all shards, one after the other. */
export interface MemoryViews {
  readonly layout: MemoryLayout;
  readonly headers: Int32Array;
  /** Odd while the slot holds a record that may be read. */
  readonly versions: Int32Array;
  readonly hashLows: Int32Array;
  readonly hashHighs: Int32Array;
  /** The next slot in the same bucket. */
  readonly chained: Int32Array;
  readonly firstBlocks: Int32Array;
  readonly blockCounts: Int32Array;
  readonly queues: Int32Array;
  readonly uses: Int32Array;
  /** Neighbours in the queue: towards its tail, and towards its head. A free slot: the next free one. */
  readonly older: Int32Array;
  readonly newer: Int32Array;
  readonly buckets: Int32Array;
  readonly ghostHashes: Int32Array;
  readonly ghostStamps: Int32Array;
  /** The next block of a record, or the next free one. */
  readonly nextBlocks: Int32Array;
  readonly bytes: Buffer<SharedArrayBuffer>;
  /** The same, to read the head of a record. */
  readonly integers: Int32Array;
  readonly times: Float64Array;
}

export function openViews(layout: MemoryLayout): MemoryViews {
  const slots = layout.shards * layout.slotsPerShard;
  const blocks = layout.shards * layout.blocksPerShard;
  let taken = 0;
  const take = (length: number): Int32Array => {
    const view = new Int32Array(layout.index, taken * 4, length);
    taken += length;
    return view;
  };
  return {
    layout,
    headers: take(layout.shards * shardWords),
    versions: take(slots),
    hashLows: take(slots),
    hashHighs: take(slots),
    chained: take(slots),
    firstBlocks: take(slots),
    blockCounts: take(slots),
    queues: take(slots),
    uses: take(slots),
    older: take(slots),
    newer: take(slots),
    buckets: take(slots),
    ghostHashes: take(slots),
    ghostStamps: take(slots),
    nextBlocks: take(blocks),
    bytes: Buffer.from(layout.content),
    integers: new Int32Array(layout.content),
    times: new Float64Array(layout.content),
  };
}
