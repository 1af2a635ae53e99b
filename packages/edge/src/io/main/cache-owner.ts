/**
 * The cache as the main thread keeps it: its memory, given to all threads with the plan, and what an
 * operator asks of it. A purge is a note in shared memory: every thread sees it with its next request.
 */
import { attachMemoryStore, type MemoryStore, openPurgeTable, type PurgeTable } from "@stack/cache";
import type { EdgePlan } from "@stack/config";
import type { CacheAnswer, CacheListing, CacheOrder } from "@stack/control";
import { forgetFills } from "../../core/cache/fill-table.ts";
import { createSharedCache, ownerOf, type SharedCache } from "../../core/cache/shared-cache.ts";
import { describeCacheRoutes } from "../../core/measuring/cache-exposition.ts";

export interface CacheOwner {
  /** What the threads need for this plan; null where no route keeps anything. */
  readonly configure: (plan: EdgePlan) => SharedCache | null;
  /** What it held in shared memory comes free. */
  readonly onThreadEnd: (thread: number) => void;
  readonly obey: (order: CacheOrder) => CacheAnswer;
}

export interface CacheOwnerOptions {
  /** Makes two random numbers of 32 bits. */
  readonly seed: () => readonly [number, number];
  /** Of `cache-metrics.ts`. */
  readonly counts: SharedArrayBuffer;
  readonly routeSlots: () => ReadonlyMap<string, number>;
}

/** The main thread writes nothing. */
const mainOwner = 255;
/** Records that are looked at for a list, whatever it wants. */
const mostLooks = 1_000_000;

interface Opened {
  readonly shared: SharedCache;
  readonly plan: EdgePlan;
  readonly memory: MemoryStore;
  readonly purges: PurgeTable;
}

export function createCacheOwner({ seed, counts, routeSlots }: CacheOwnerOptions): CacheOwner {
  let serial = 0;
  let opened: Opened | undefined;

  function open(memoryBytes: number, plan: EdgePlan): Opened {
    serial += 1;
    const shared = createSharedCache(serial, memoryBytes, seed());
    return {
      shared,
      plan,
      memory: attachMemoryStore(shared.memory, mainOwner),
      purges: openPurgeTable(shared.purges),
    };
  }

  return {
    configure(plan) {
      const bytes = plan.cache?.memoryBytes;
      if (bytes === undefined) opened = undefined;
      else if (opened?.shared.memoryBytes === bytes) opened = { ...opened, plan };
      else opened = open(bytes, plan);
      return opened?.shared ?? null;
    },
    onThreadEnd(thread) {
      if (opened === undefined) return;
      forgetFills(opened.shared.fills, thread);
      opened.memory.recover(ownerOf(thread));
    },
    obey(order) {
      if (opened === undefined) return { kind: "none" };
      switch (order.kind) {
        case "purge": {
          const atMs = performance.timeOrigin + performance.now();
          for (const target of order.targets) {
            opened.purges.purge({ target, soft: order.soft, atMs });
          }
          return { kind: "purged" };
        }
        case "stats":
          return {
            kind: "stats",
            stats: {
              memory: opened.memory.stats(),
              store: { name: "none", available: true, records: 0, bytes: 0, failures: 0 },
              routes: describeCacheRoutes(counts, opened.plan, routeSlots()),
            },
          };
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
      if (!record.key.startsWith(prefix)) continue;
      if (purges.state(record.key, record.tags, record.storedAt) === "gone") continue;
      found.push(record);
    }
    from = next;
  }
  return { kind: "list", records: found.slice(0, limit), isCut: found.length > limit };
}
