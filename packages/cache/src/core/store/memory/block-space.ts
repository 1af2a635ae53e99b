/**
 * Chains of blocks in which a shard keeps what it holds. No space is lost between records of
 * different sizes, and nothing is ever moved. Blocks that follow each other in memory, as most do,
 * are copied as one. Allocating and freeing wants the shard's lock; reading does not, and may then
 * read what is being overwritten: the reader checks the version afterwards.
 */
import { blockBytes, type MemoryViews, shardWord, shardWords } from "./memory-layout.ts";

export interface BlockSpace {
  readonly freeBlocks: (shard: number) => number;
  /** The first of a chain of so many free blocks, numbered from 1; there must be as many. */
  readonly allocate: (shard: number, count: number) => number;
  readonly free: (shard: number, first: number, count: number) => void;
  /** Fills the chain with the parts, one after the other. */
  readonly write: (first: number, parts: readonly Uint8Array[]) => void;
  /** Fills `target` with what the chain holds after `skip` bytes, all within the first block; false when it is no chain of that length. */
  readonly read: (first: number, skip: number, target: Buffer) => boolean;
}

export function createBlockSpace(views: MemoryViews): BlockSpace {
  const { headers, nextBlocks, bytes } = views;
  const { blocksPerShard } = views.layout;

  return {
    freeBlocks: (shard) =>
      blocksPerShard - (headers[shard * shardWords + shardWord.blocksInUse] as number),

    allocate(shard, count) {
      const header = shard * shardWords;
      const firstFree = headers[header + shardWord.freeBlock] as number;
      let last = 0;
      let left = count;
      for (let block = firstFree; block !== 0 && left > 0; left -= 1) {
        last = block;
        block = nextBlocks[block - 1] as number;
      }
      let first = firstFree;
      if (last !== 0) headers[header + shardWord.freeBlock] = nextBlocks[last - 1] as number;
      if (left > 0) {
        const fresh = headers[header + shardWord.freshBlocks] as number;
        const start = shard * blocksPerShard + fresh + 1;
        for (let block = start; block < start + left - 1; block += 1) {
          nextBlocks[block - 1] = block + 1;
        }
        if (last === 0) first = start;
        else nextBlocks[last - 1] = start;
        last = start + left - 1;
        headers[header + shardWord.freshBlocks] = fresh + left;
      }
      nextBlocks[last - 1] = 0;
      headers[header + shardWord.blocksInUse] =
        (headers[header + shardWord.blocksInUse] as number) + count;
      return first;
    },

    free(shard, first, count) {
      const header = shard * shardWords;
      let last = first;
      while (nextBlocks[last - 1] !== 0) last = nextBlocks[last - 1] as number;
      nextBlocks[last - 1] = headers[header + shardWord.freeBlock] as number;
      headers[header + shardWord.freeBlock] = first;
      headers[header + shardWord.blocksInUse] =
        (headers[header + shardWord.blocksInUse] as number) - count;
    },

    write(first, parts) {
      let block = first;
      let at = (block - 1) * blockBytes;
      let end = runEnd(block);
      for (const part of parts) {
        let done = 0;
        while (done < part.length) {
          if (at === end) {
            block = nextBlocks[end / blockBytes - 1] as number;
            at = (block - 1) * blockBytes;
            end = runEnd(block);
          }
          const count = Math.min(part.length - done, end - at);
          bytes.set(count === part.length ? part : part.subarray(done, done + count), at);
          done += count;
          at += count;
        }
      }
    },

    read(first, skip, target) {
      let at = (first - 1) * blockBytes + skip;
      let end = runEnd(first);
      let done = 0;
      while (done < target.length) {
        if (at === end) {
          const block = nextBlocks[end / blockBytes - 1] as number;
          if (block === 0) return false;
          at = (block - 1) * blockBytes;
          end = runEnd(block);
        }
        const count = Math.min(target.length - done, end - at);
        bytes.copy(target, done, at, at + count);
        done += count;
        at += count;
      }
      return true;
    },
  };

  /** Where the blocks that lie in a row, from this one on, end. */
  function runEnd(first: number): number {
    let block = first;
    while (nextBlocks[block - 1] === block + 1) block += 1;
    return block * blockBytes;
  }
}
