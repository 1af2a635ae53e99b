/**
 * The cache as the main thread keeps it: its memory, given to all threads with the plan, the thread
 * of the embedded store, and what an operator asks of it. A purge is a note in shared memory: every
 * thread sees it with its next request.
 */

import type { ErrorReport, Logger } from "@stack/base";
import {
  attachMemoryStore,
  createNoStore,
  type MemoryStore,
  openEmbeddedStore,
  openPurgeTable,
  openRedisStore,
  type Purge,
  type PurgeTable,
  parseRedisPlace,
  type SharedStore,
  type SharedStoreEvents,
  startEmbeddedThread,
} from "@stack/cache";
import type { CachePlan, EdgePlan } from "@stack/config";
import type { CacheAnswer, CacheListing, CacheOrder } from "@stack/control";
import { isCodedKey } from "../../core/cache/coded-key.ts";
import { forgetFills } from "../../core/cache/fill-table.ts";
import { createPurgeNotes } from "../../core/cache/purge-notes.ts";
import { createSharedCache, ownerOf, type SharedCache } from "../../core/cache/shared-cache.ts";
import { describeCacheRoutes } from "../../core/measuring/cache-exposition.ts";
import type { ThreadPool } from "./thread-pool.ts";

export interface CacheOwner {
  /** What the threads need for this plan; null where no route keeps anything. */
  readonly configure: (plan: EdgePlan) => SharedCache | null;
  /** What it held in shared memory comes free. */
  readonly onThreadEnd: (thread: number) => void;
  readonly obey: (order: CacheOrder) => Promise<CacheAnswer>;
}

export interface CacheOwnerOptions {
  /** Makes two random numbers of 32 bits. */
  readonly seed: () => readonly [number, number];
  /** Of `cache-metrics.ts`. */
  readonly counts: SharedArrayBuffer;
  readonly routeSlots: () => ReadonlyMap<string, number>;
  readonly postEach: ThreadPool["postEach"];
  readonly log: Logger;
}

/** The main thread writes nothing. */
const mainOwner = 255;
/** Records that are looked at for a list, whatever it wants. */
const mostLooks = 1_000_000;

interface Opened {
  readonly key: string;
  readonly shared: SharedCache;
  readonly plan: EdgePlan;
  readonly memory: MemoryStore;
  readonly purges: PurgeTable;
  readonly store: SharedStore;
  readonly close: () => void;
}

export function createCacheOwner(options: CacheOwnerOptions): CacheOwner {
  const { log } = options;
  let serial = 0;
  let opened: Opened | undefined;
  let trouble: { readonly error: ErrorReport; readonly since: number } | null = null;
  const notes = createPurgeNotes();

  const events: Pick<SharedStoreEvents, "onTrouble" | "onRecovered"> = {
    onTrouble(error) {
      trouble = { error, since: Date.now() };
      log.warn(`${error.code} ${error.title}`);
    },
    onRecovered() {
      trouble = null;
      log.info("the shared cache answers again");
    },
  };

  function openStore(
    id: number,
    { store }: CachePlan,
    purges: PurgeTable,
  ): Pick<Opened, "store" | "close"> {
    const onPurge = (purge: Purge, isPrecaution = false): void => {
      purges.purge(purge);
      if (!isPrecaution) notes.add(purge, false);
    };
    if (store.kind === "embedded") {
      const tellThreads = (): void =>
        options.postEach(() => {
          const port = thread.connect();
          return { message: { type: "cache-store", id, port }, transfer: [port] };
        });
      const { folder, bytes } = store;
      const onRestart = (): void => {
        tellThreads();
        own.attach(thread.connect());
      };
      const thread = startEmbeddedThread({ folder, bytes }, { ...events, onRestart });
      tellThreads();
      const own = openEmbeddedStore({ port: thread.connect(), onPurge });
      // Nothing that is asked of it any more is waited for.
      return { store: own, close: () => void own.close().then(thread.close) };
    }
    const place =
      store.kind === "redis" && store.url !== null ? parseRedisPlace(store.url) : undefined;
    const own =
      store.kind === "redis" && place !== undefined
        ? openRedisStore({ place, namespace: store.prefix, events: { ...events, onPurge } })
        : createNoStore();
    return { store: own, close: () => void own.close() };
  }

  function open(key: string, cache: CachePlan, plan: EdgePlan): Opened {
    serial += 1;
    const shared = createSharedCache(serial, cache, options.seed());
    const purges = openPurgeTable(shared.purges);
    const memory = attachMemoryStore(shared.memory, mainOwner);
    return { key, shared, plan, memory, purges, ...openStore(serial, cache, purges) };
  }

  return {
    configure(plan) {
      const { cache } = plan;
      const key = cache === undefined ? "" : JSON.stringify([cache.memoryBytes, cache.store]);
      if (cache !== undefined && opened?.key === key) opened = { ...opened, plan };
      else {
        opened?.close();
        trouble = null;
        opened = cache === undefined ? undefined : open(key, cache, plan);
      }
      return opened?.shared ?? null;
    },
    onThreadEnd(thread) {
      if (opened === undefined) return;
      forgetFills(opened.shared.fills, thread);
      opened.memory.recover(ownerOf(thread));
    },
    async obey(order) {
      if (opened === undefined) return { kind: "none" };
      switch (order.kind) {
        case "purge": {
          const atMs = performance.timeOrigin + performance.now();
          for (const target of order.targets) {
            const purge = { target, soft: order.soft, atMs };
            opened.purges.purge(purge);
            notes.add(purge, true);
            opened.store.publishPurge(purge);
          }
          return { kind: "purged" };
        }
        case "stats": {
          const { memory, plan, store } = opened;
          const { name, available, records, bytes, failures } = await store.stats();
          const place = plan.cache?.store;
          const capacityBytes = place?.kind === "embedded" ? place.bytes : null;
          return {
            kind: "stats",
            stats: {
              memory: memory.stats(),
              store: { name, available, records, bytes, capacityBytes, failures, trouble },
              routes: describeCacheRoutes(options.counts, plan, options.routeSlots()),
              purges: notes.read(),
              purgeOnRelease: plan.cache?.purgeOnRelease === true,
            },
          };
        }
        case "list":
          return listRecords(opened, order.prefix, order.limit);
      }
    },
  };
}

function listRecords({ memory, purges }: Opened, prefix: string, limit: number): CacheAnswer {
  const found: CacheListing[] = [];
  let looked = 0;
  let from: number | undefined = 0;
  while (from !== undefined && looked < mostLooks && found.length <= limit) {
    const { records, next }: ReturnType<MemoryStore["list"]> = memory.list(from);
    looked += records.length;
    for (const record of records) {
      if (!record.key.startsWith(prefix) || isCodedKey(record.key)) continue;
      if (purges.state(record.key, record.tags, record.storedAt) === "gone") continue;
      found.push(record);
    }
    from = next;
  }
  return { kind: "list", records: found.slice(0, limit), isCut: found.length > limit };
}
