/**
 * What goes when room is wanted: S3-FIFO (Yang and others, SOSP 2023). A new record enters a small
 * queue, a tenth of the space; only one that is used again there moves to the main queue, so that a
 * scan passes through the small one and leaves the rest alone. What leaves the small queue is
 * remembered by its hash for a while: who comes back goes to the main queue at once. A use is one
 * store into a counter: no hit moves anything or takes a lock. All here wants the shard's lock.
 */
import { type MemoryViews, shardWord, shardWords } from "./memory-layout.ts";

const smallQueue = 1;
export const mainQueue = 2;
type Queue = typeof smallQueue | typeof mainQueue;

/** Uses are counted up to this. */
export const mostUses = 3;
const smallShare = 0.1;
/** After so many second chances in one go the next one leaves, however often it was used: a bound on the time. */
const mostChances = 4_096;

export interface SlotQueues {
  readonly push: (shard: number, slot: number, queue: Queue) => void;
  readonly remove: (shard: number, slot: number) => void;
  /** The queue for a new record: the main one if it was evicted not long ago. */
  readonly choose: (shard: number, low: number, high: number) => Queue;
  /**
   * The slot that has to go; -1 when there is none. It stays in its queue until it is removed.
   *
   * @param isOver whether a record is of no use any more
   */
  readonly chooseVictim: (shard: number, isOver: (slot: number) => boolean) => number;
}

export function createSlotQueues(views: MemoryViews): SlotQueues {
  const { headers, queues, uses, older, newer, blockCounts } = views;
  const { hashLows, hashHighs, ghostHashes, ghostStamps } = views;
  const { slotsPerShard, blocksPerShard } = views.layout;
  const smallTarget = Math.floor(blocksPerShard * smallShare);

  const read = (shard: number, word: number): number =>
    headers[shard * shardWords + word] as number;
  const write = (shard: number, word: number, value: number): void => {
    headers[shard * shardWords + word] = value;
  };

  function push(shard: number, slot: number, queue: Queue): void {
    const words = wordsOf(queue);
    const head = read(shard, words.head);
    queues[slot] = queue;
    older[slot] = head;
    newer[slot] = 0;
    if (head === 0) write(shard, words.tail, slot + 1);
    else newer[head - 1] = slot + 1;
    write(shard, words.head, slot + 1);
    write(shard, words.blocks, read(shard, words.blocks) + (blockCounts[slot] as number));
    write(shard, words.records, read(shard, words.records) + 1);
  }

  function remove(shard: number, slot: number): void {
    const words = wordsOf(queues[slot] as Queue);
    const [before, after] = [older[slot] as number, newer[slot] as number];
    if (after === 0) write(shard, words.head, before);
    else older[after - 1] = before;
    if (before === 0) write(shard, words.tail, after);
    else newer[before - 1] = after;
    write(shard, words.blocks, read(shard, words.blocks) - (blockCounts[slot] as number));
    write(shard, words.records, read(shard, words.records) - 1);
    queues[slot] = 0;
  }

  function remember(shard: number, slot: number): void {
    const cell = ghostCell(shard, hashLows[slot] as number);
    const stamp = (read(shard, shardWord.ghostStamp) + 1) | 0;
    write(shard, shardWord.ghostStamp, stamp);
    ghostHashes[cell] = hashHighs[slot] as number;
    ghostStamps[cell] = stamp;
  }

  function ghostCell(shard: number, low: number): number {
    return shard * slotsPerShard + ((low >>> 0) % slotsPerShard);
  }

  return {
    push,
    remove,
    choose(shard, low, high) {
      const cell = ghostCell(shard, low);
      if (ghostHashes[cell] !== high || high === 0) return smallQueue;
      const age = (read(shard, shardWord.ghostStamp) - (ghostStamps[cell] as number)) | 0;
      ghostHashes[cell] = 0;
      return age >= 0 && age <= read(shard, shardWord.mainRecords) ? mainQueue : smallQueue;
    },
    chooseVictim(shard, isOver) {
      for (let chances = 0; ; chances += 1) {
        const isSmall =
          read(shard, shardWord.smallBlocks) > smallTarget || read(shard, shardWord.mainTail) === 0;
        const tail = read(shard, isSmall ? shardWord.smallTail : shardWord.mainTail);
        if (tail === 0) return -1;
        const slot = tail - 1;
        const used = uses[slot] as number;
        if (isOver(slot)) return slot;
        if (isSmall && (used < 2 || chances >= mostChances)) {
          remember(shard, slot);
          return slot;
        }
        if (!isSmall && (used === 0 || chances >= mostChances)) return slot;
        remove(shard, slot);
        uses[slot] = isSmall ? 0 : used - 1;
        push(shard, slot, mainQueue);
      }
    },
  };
}

const smallWords = {
  head: shardWord.smallHead,
  tail: shardWord.smallTail,
  blocks: shardWord.smallBlocks,
  records: shardWord.smallRecords,
};
const mainWords = {
  head: shardWord.mainHead,
  tail: shardWord.mainTail,
  blocks: shardWord.mainBlocks,
  records: shardWord.mainRecords,
};

function wordsOf(queue: Queue): typeof smallWords | typeof mainWords {
  return queue === smallQueue ? smallWords : mainWords;
}
