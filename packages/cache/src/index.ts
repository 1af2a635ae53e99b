export type { CacheRecord } from "./core/cache-record.ts";
export {
  formatCacheKey,
  type KeyRequest,
  type KeySpec,
  keyedQuery,
} from "./core/policy/cache-key.ts";
export { type CachePolicy, httpCachePolicy } from "./core/policy/cache-policy.ts";
export { type CacheStatus, formatCacheStatus } from "./core/policy/cache-status.ts";
export {
  type AnswerDecision,
  decideAnswer,
  formatNotModifiedFields,
  formatPartFields,
} from "./core/policy/decide-answer.ts";
export { decideHead, type HeadDecision } from "./core/policy/decide-head.ts";
export { decideInvalidations, isSafeMethod } from "./core/policy/decide-invalidations.ts";
export { decideOnError, type Failure } from "./core/policy/decide-on-error.ts";
export {
  decideLookup,
  decideServe,
  type Forward,
  type ForwardReason,
  type Hit,
  refreshForward,
  type ServeContext,
  type ServeDecision,
  type Unavailable,
} from "./core/policy/decide-serve.ts";
export {
  decideStore,
  type NoStoreReason,
  type StoreDecision,
  type StoreRequest,
} from "./core/policy/decide-store.ts";
export {
  createAnswerRecord,
  createIndexRecord,
  decodeStored,
  encodeStored,
} from "./core/policy/encode-stored.ts";
export type { ExchangeTimes } from "./core/policy/freshness.ts";
export {
  type CacheRequest,
  plainRequest,
  type RequestFacts,
  readRequestFacts,
} from "./core/policy/request-facts.ts";
export type { CacheResponse } from "./core/policy/response-facts.ts";
export {
  ageSeconds,
  type Stored,
  type StoredAnswer,
  type VariantIndex,
} from "./core/policy/stored-answer.ts";
export { updateStored } from "./core/policy/update-stored.ts";
export { extendIndex, formatVariantKey, matchesRequest } from "./core/policy/vary.ts";
export type { ListedRecord } from "./core/store/listed-record.ts";
export { createMemoryLayout, type MemoryLayout } from "./core/store/memory/memory-layout.ts";
export {
  attachMemoryStore,
  type FoundRecord,
  type MemoryStats,
  type MemoryStore,
  type RecordPlace,
} from "./core/store/memory-store.ts";
export { createNoStore } from "./core/store/no-store.ts";
export { type Purge, type PurgeTarget, releaseTag } from "./core/store/purge.ts";
export {
  createPurgeMemory,
  openPurgeTable,
  type PurgeState,
  type PurgeTable,
} from "./core/store/purge-table.ts";
export { describeRedisPlace, parseRedisPlace, type RedisPlace } from "./core/store/redis-place.ts";
export type {
  Found,
  Lease,
  SharedStats,
  SharedStore,
  SharedStoreEvents,
} from "./core/store/shared-store.ts";
export {
  type EmbeddedStore,
  type EmbeddedStoreOptions,
  openEmbeddedStore,
} from "./io/embedded/embedded-store.ts";
export { type EmbeddedThread, startEmbeddedThread } from "./io/embedded/start-embedded.ts";
export { openRedisStore, type RedisStoreOptions } from "./io/redis/redis-store.ts";
