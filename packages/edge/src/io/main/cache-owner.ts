/** The cache as the main thread keeps it: its memory, given to all threads with the plan. */
import { attachMemoryStore } from "@stack/cache";
import type { EdgePlan } from "@stack/config";
import { forgetFills } from "../../core/cache/fill-table.ts";
import { createSharedCache, ownerOf, type SharedCache } from "../../core/cache/shared-cache.ts";

export interface CacheOwner {
  /** What the threads need for this plan; null where no route keeps anything. */
  readonly configure: (plan: EdgePlan) => SharedCache | null;
  /** What it held in shared memory comes free. */
  readonly onThreadEnd: (thread: number) => void;
}

/** @param seed makes two random numbers of 32 bits */
export function createCacheOwner(seed: () => readonly [number, number]): CacheOwner {
  let serial = 0;
  let memoryBytes = 0;
  let shared: SharedCache | null = null;
  return {
    configure({ cache }) {
      if (cache === undefined) {
        shared = null; // memory is given back as soon as the last thread has let go of it
        return null;
      }
      if (shared === null || cache.memoryBytes !== memoryBytes) {
        serial += 1;
        memoryBytes = cache.memoryBytes;
        shared = createSharedCache(serial, memoryBytes, seed());
      }
      return shared;
    },
    onThreadEnd(thread) {
      if (shared === null) return;
      forgetFills(shared.fills, thread);
      attachMemoryStore(shared.memory, mainOwner).recover(ownerOf(thread));
    },
  };
}

/** The main thread writes nothing. */
const mainOwner = 255;
