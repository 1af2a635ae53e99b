/** The cache of one thread over plans: attached to the shared memory as long as a plan has one. */
import type { MessagePort } from "node:worker_threads";
import {
  attachMemoryStore,
  createNoStore,
  openEmbeddedStore,
  openPurgeTable,
  openRedisStore,
  type PurgeTable,
  parseRedisPlace,
  type SharedStore,
} from "@stack/cache";
import type { FillMessage } from "../../core/cache/fill-messages.ts";
import { forgetFills, openFillTable } from "../../core/cache/fill-table.ts";
import { ownerOf, type SharedCache } from "../../core/cache/shared-cache.ts";
import { type CacheDesk, createCacheDesk } from "./cache-desk.ts";

export interface ThreadCache {
  /** The way to the embedded store of the cache with this id, which comes with the next plan. */
  readonly connect: (id: number, port: MessagePort) => void;
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
  let attach: ((port: MessagePort) => void) | undefined;
  let way: { readonly id: number; readonly port: MessagePort } | undefined;

  function openStore({ id, store }: SharedCache, purges: PurgeTable): SharedStore {
    const onPurge = purges.purge;
    attach = undefined;
    if (store.kind === "embedded" && way?.id === id) {
      const embedded = openEmbeddedStore({ port: way.port, onPurge });
      attach = embedded.attach;
      return embedded;
    }
    const place =
      store.kind === "redis" && store.url !== null ? parseRedisPlace(store.url) : undefined;
    if (store.kind !== "redis" || place === undefined) return createNoStore();
    // The main thread has a connection of its own, and says what is wrong.
    const events = { onPurge, onTrouble: () => {}, onRecovered: () => {} };
    return openRedisStore({ place, namespace: store.prefix, events });
  }

  return {
    connect(id, port) {
      way = { id, port };
      // The store has a new thread: what is open goes on with it.
      if (id === attached) attach?.(port);
    },
    configure(shared) {
      if (shared === null) {
        void desk?.store.close(); // never rejects
        attached = 0;
        desk = undefined;
        return;
      }
      if (shared.id === attached) return;
      attached = shared.id;
      void desk?.store.close();
      const purges = openPurgeTable(shared.purges);
      desk = createCacheDesk({
        memory: attachMemoryStore(shared.memory, ownerOf(self)),
        purges,
        store: openStore(shared, purges),
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
