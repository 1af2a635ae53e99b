/**
 * A map with a bound on entries and bytes. What was used since the last round of eviction gets a
 * second chance, so a hit costs one look-up and one store and moves nothing.
 */

export interface CacheEntry {
  /** Set by the cache's user on a hit; cleared by eviction. */
  used: boolean;
  /** Must not change while it is in the cache. */
  costBytes: number;
}

export interface BoundedCache<Entry extends CacheEntry> {
  readonly get: (key: string) => Entry | undefined;
  /** Replaces what was there; evicts others until all fits. An entry beyond the bound is not kept. */
  readonly set: (key: string, entry: Entry) => void;
  readonly delete: (key: string) => void;
  readonly bytes: () => number;
}

export function createBoundedCache<Entry extends CacheEntry>(bounds: {
  readonly bytes: number;
  readonly entries: number;
}): BoundedCache<Entry> {
  const entries = new Map<string, Entry>();
  let bytes = 0;
  const drop = (key: string): void => {
    bytes -= entries.get(key)?.costBytes ?? 0;
    entries.delete(key);
  };
  const evict = (): void => {
    for (const [key, entry] of entries) {
      if (bytes <= bounds.bytes && entries.size <= bounds.entries) return;
      entries.delete(key);
      if (entry.used) {
        entry.used = false;
        entries.set(key, entry); // to the end: seen again in this round, now unused
      } else {
        bytes -= entry.costBytes;
      }
    }
  };
  return {
    get: (key) => entries.get(key),
    set(key, entry) {
      drop(key);
      if (entry.costBytes > bounds.bytes) return;
      entries.set(key, entry);
      bytes += entry.costBytes;
      evict();
    },
    delete: drop,
    bytes: () => bytes,
  };
}
