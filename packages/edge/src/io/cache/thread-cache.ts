/** The cache of one thread over plans: attached to the shared memory as long as a plan has one. */
import { attachMemoryStore, openPurgeTable } from "@stack/cache";
import type { FillMessage } from "../../core/cache/fill-messages.ts";
import { forgetFills, openFillTable } from "../../core/cache/fill-table.ts";
import { ownerOf, type SharedCache } from "../../core/cache/shared-cache.ts";
import { type CacheDesk, createCacheDesk } from "./cache-desk.ts";

export interface ThreadCache {
  /** Takes up what comes with a plan. */
  readonly configure: (shared: SharedCache | null) => void;
  readonly desk: () => CacheDesk | undefined;
  readonly onMessage: (thread: number, message: FillMessage) => void;
  readonly onThreadEnd: (thread: number) => void;
  readonly check: (nowMs: number) => void;
}

/** Of the shared memory, what each thread may have decoded besides. */
const hotShare = 1 / 8;

/** @param post false when there is no such thread */
export function createThreadCache(
  self: number,
  post: (thread: number, message: FillMessage) => boolean,
): ThreadCache {
  let attached = 0;
  let desk: CacheDesk | undefined;
  return {
    configure(shared) {
      if (shared === null) {
        attached = 0;
        desk = undefined;
        return;
      }
      if (shared.id === attached) return;
      attached = shared.id;
      desk = createCacheDesk({
        memory: attachMemoryStore(shared.memory, ownerOf(self)),
        purges: openPurgeTable(shared.purges),
        table: openFillTable(shared.fills, shared.seed, self),
        hotBytes: shared.memoryBytes * hotShare,
        post,
        forget: (thread) => forgetFills(shared.fills, thread),
      });
    },
    desk: () => desk,
    onMessage: (thread, message) => desk?.peers.onMessage(thread, message),
    onThreadEnd: (thread) => desk?.peers.onThreadEnd(thread),
    check: (nowMs) => desk?.peers.check(nowMs),
  };
}
