export type { CacheRecord } from "./core/cache-record.ts";
export type {
  FoundRecord,
  ListedRecord,
  MemoryLayout,
  MemoryStats,
  MemoryStore,
  RecordPlace,
} from "./core/store/memory-store.ts";
export { createNoStore } from "./core/store/no-store.ts";
export { type Purge, type PurgeTarget, releaseTag } from "./core/store/purge.ts";
export type { PurgeState, PurgeTable } from "./core/store/purge-table.ts";
export type {
  Found,
  Lease,
  SharedStats,
  SharedStore,
  SharedStoreEvents,
} from "./core/store/shared-store.ts";
