/** The memory of the cache that all threads of an edge share. */

import { createMemoryLayout, createPurgeMemory, type MemoryLayout } from "@stack/cache";
import type { CachePlan } from "@stack/config";
import { createFillMemory } from "./fill-table.ts";

export interface SharedCache {
  /** Never used again: another size of memory is another cache. */
  readonly id: number;
  readonly memory: MemoryLayout;
  readonly memoryBytes: number;
  /** The second level. */
  readonly store: CachePlan["store"];
  readonly purges: SharedArrayBuffer;
  readonly fills: SharedArrayBuffer;
  /** Random: no client can choose which keys fall together. */
  readonly seed: readonly [number, number];
}

export function createSharedCache(
  id: number,
  { memoryBytes, store }: Pick<CachePlan, "memoryBytes" | "store">,
  seed: readonly [number, number],
): SharedCache {
  return {
    id,
    memoryBytes,
    store,
    memory: createMemoryLayout(memoryBytes, seed),
    purges: createPurgeMemory(),
    fills: createFillMemory(),
    seed,
  };
}

/** By what number the memory knows a thread. */
export function ownerOf(thread: number): number {
  return thread + 1;
}
