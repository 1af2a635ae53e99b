/**
 * The first level of the cache: memory of a fixed size that all threads of an edge share. Nothing
 * here waits for anybody: who finds a part of it busy takes that for a miss, or does not store.
 */
import type { CacheRecord } from "../cache-record.ts";

/** Shared memory; goes to other threads as it is (`workerData`, `postMessage`). */
export interface MemoryLayout {
  /** Of the whole: index and contents. */
  readonly bytes: number;
  readonly shards: number;
  readonly buffers: readonly SharedArrayBuffer[];
}

/** Where a record lies, and which one it was that lay there. */
export interface RecordPlace {
  readonly slot: number;
  readonly version: number;
}

export interface FoundRecord extends CacheRecord, RecordPlace {}

/** What is told of a record without its body. */
export interface ListedRecord {
  readonly key: string;
  readonly bodyBytes: number;
  readonly storedAt: number;
  readonly keepUntil: number;
  readonly tags: readonly string[];
}

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
  /** Replaces what was there. False: too large, or that part of the store was busy. */
  readonly set: (key: string, record: CacheRecord) => boolean;
  /** False when there was none. Use the purge table to be sure that no thread has it any more. */
  readonly delete: (key: string) => boolean;
  /** Some records, in no order; go on with `next` until it is undefined. */
  readonly list: (from: number) => { readonly records: ListedRecord[]; readonly next?: number };
  readonly stats: () => MemoryStats;
  /** Of a record: key, meta, tags and body together. Larger ones are not kept. */
  readonly maxRecordBytes: number;
  /** A thread ended, perhaps amid a write: what it held is emptied and comes free. */
  readonly recover: (owner: number) => void;
}
