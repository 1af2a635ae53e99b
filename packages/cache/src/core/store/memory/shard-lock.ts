/**
 * One writer at a time in each shard. The lock names its owner, so that what a dead thread held can
 * be found. Nobody waits for long: the holder works for microseconds, unless it is not being run.
 */
import { type MemoryViews, shardWord, shardWords } from "./memory-layout.ts";

const spins = 2_000;
const sleepMs = 1;

export interface ShardLock {
  /** @param sleeps of a millisecond each, after a short spin, before it gives up */
  readonly acquire: (shard: number, sleeps: number) => boolean;
  readonly release: (shard: number) => void;
  /** Takes a lock over from an owner that is no more; false when it did not hold it. */
  readonly takeOver: (shard: number, from: number) => boolean;
}

/** @param owner at least 1, and of no other thread */
export function createShardLock({ headers }: MemoryViews, owner: number): ShardLock {
  const begin = (shard: number): true => {
    Atomics.add(headers, shard * shardWords + shardWord.mutations, 1);
    return true;
  };
  return {
    acquire(shard, sleeps) {
      const word = shard * shardWords + shardWord.lock;
      for (let slept = 0; ; slept += 1) {
        for (let spin = 0; spin < spins; spin += 1) {
          if (Atomics.load(headers, word) !== 0) continue;
          if (Atomics.compareExchange(headers, word, 0, owner) === 0) return begin(shard);
        }
        if (slept >= sleeps) return false;
        Atomics.wait(headers, word, Atomics.load(headers, word), sleepMs);
      }
    },
    release(shard) {
      Atomics.add(headers, shard * shardWords + shardWord.mutations, 1);
      Atomics.store(headers, shard * shardWords + shardWord.lock, 0);
    },
    takeOver(shard, from) {
      const word = shard * shardWords + shardWord.lock;
      return Atomics.compareExchange(headers, word, from, owner) === from && begin(shard);
    },
  };
}
