/**
 * The cache of one thread: what it has at hand, the memory all threads share, and what is being
 * fetched by whom. Knows nothing of routes.
 */
import {
  type CachePolicy,
  type CacheRecord,
  createAnswerRecord,
  createIndexRecord,
  decodeStored,
  extendIndex,
  formatVariantKey,
  type MemoryStore,
  matchesRequest,
  type PurgeTable,
  type PurgeTarget,
  type SharedStore,
  type StoredAnswer,
  type VariantIndex,
} from "@stack/cache";
import type { HeadLines, RequestHead } from "@stack/protocols";
import type { FillTable } from "../../core/cache/fill-table.ts";
import { type CacheEntry, createBoundedCache } from "../../core/static/bounded-cache.ts";
import type { Compression } from "../compression/compression.ts";
import { type CodedBodies, createCodedBodies } from "./coded-bodies.ts";
import type { Fill } from "./fill.ts";
import { createFillPeers, type FillPeers, type FillPeersOptions } from "./fill-peers.ts";
import { createHotEntry, type HotEntry } from "./hot-entry.ts";

export interface CacheParts extends Pick<FillPeersOptions, "post" | "forget"> {
  readonly memory: MemoryStore;
  readonly purges: PurgeTable;
  readonly table: FillTable;
  readonly store: SharedStore;
  /** What this thread may keep at hand, decoded. */
  readonly hotBytes: number;
}

/** What is known for a request. */
export interface Lookup {
  /** Of the answer that would suit: the variant's, where answers vary. */
  readonly key: string;
  readonly entry: HotEntry | undefined;
  readonly hasVariants: boolean;
}

export interface CacheDesk {
  readonly table: FillTable;
  /** The second level; its name is "none" where there is none. */
  readonly store: SharedStore;
  /** What this thread fetches or waits for, by key. */
  readonly fills: Map<string, Fill>;
  readonly peers: FillPeers;
  readonly codedBodies: CodedBodies;
  readonly find: (
    key: string,
    head: HeadLines,
    nowMs: number,
    compression: Compression | undefined,
  ) => Lookup;
  /**
   * Keeps an answer for all threads; the entry serves those that wait for it, even where there was no
   * place for it.
   *
   * @param key without variants
   * @param askedAt when it was asked for
   */
  readonly keep: (
    key: string,
    head: RequestHead,
    answer: StoredAnswer,
    body: Buffer,
    askedAt: number,
    policy: CachePolicy,
    compression: Compression | undefined,
  ) => HotEntry;
  /** Takes over what the second level had; undefined for what was purged since. */
  readonly adopt: (
    key: string,
    record: CacheRecord,
    compression?: Compression | undefined,
  ) => HotEntry | undefined;
  readonly purge: (target: PurgeTarget, soft: boolean, nowMs: number) => void;
}

/** The index of a key whose answers vary. */
interface HotIndex extends CacheEntry {
  readonly index: VariantIndex;
  readonly place: HotEntry["place"];
  readonly storedAt: number;
  readonly key: string;
  changes: number;
}

const indexBytes = 512;

export function createCacheDesk(parts: CacheParts): CacheDesk {
  const { memory, purges, table, hotBytes, store: second } = parts;
  const hasSecond = second.name !== "none";
  const fills = new Map<string, Fill>();
  const hot = createBoundedCache<HotEntry | HotIndex>({ bytes: hotBytes, entries: 65_536 });

  /** What is at hand and still right, else what the memory of all has. */
  function load(
    key: string,
    nowMs: number,
    compression: Compression | undefined,
  ): HotEntry | HotIndex | undefined {
    const known = hot.get(key);
    if (known !== undefined) {
      if (known.place !== undefined && memory.isCurrent(known.place) && isValid(known, nowMs)) {
        known.used = true;
        return known;
      }
      hot.delete(key);
    }
    const found = memory.get(key, nowMs);
    if (found === undefined) return undefined;
    const stored = decodeStored(found.meta);
    if (stored === undefined) return undefined;
    const place = { slot: found.slot, version: found.version };
    const changes = purges.changes();
    const made =
      stored.kind === "answer"
        ? createHotEntry(key, stored, found, place, -1, compression)
        : createIndex(key, stored, found.storedAt, place, -1);
    if (!isValid(made, nowMs)) return undefined;
    made.changes = changes;
    hot.set(key, made);
    return made;
  }

  /** Whether it was not purged; what was purged softly is stale from then on. */
  function isValid(entry: HotEntry | HotIndex, nowMs: number): boolean {
    const changes = purges.changes();
    if (entry.changes === changes) return true;
    const tags = "answer" in entry ? entry.answer.tags : [];
    const state = purges.state(entry.key, tags, entry.storedAt);
    if (state === "gone") return false;
    if (state === "stale" && "answer" in entry && entry.answer.freshUntil > nowMs) {
      entry.answer = { ...entry.answer, freshUntil: nowMs };
      entry.plain.prepared = undefined;
    }
    entry.changes = changes;
    return true;
  }

  function findIndex(key: string, nowMs: number): VariantIndex | undefined {
    const found = load(key, nowMs, undefined);
    return found !== undefined && "index" in found ? found.index : undefined;
  }

  return {
    table,
    store: second,
    fills,
    codedBodies: createCodedBodies(memory, second),
    peers: createFillPeers({ fills, post: parts.post, forget: parts.forget }),
    find(key, head, nowMs, compression) {
      const first = load(key, nowMs, compression);
      if (first === undefined) return { key, entry: undefined, hasVariants: false };
      if ("answer" in first) {
        const suits = first.answer.vary.length === 0 || matchesRequest(first.answer, head);
        return { key, entry: suits ? first : undefined, hasVariants: !suits };
      }
      const variantKey = formatVariantKey(key, first.index, head);
      if (variantKey === undefined) return { key, entry: undefined, hasVariants: true };
      const variant = load(variantKey, nowMs, compression);
      const entry = variant !== undefined && "answer" in variant ? variant : undefined;
      return { key: variantKey, entry, hasVariants: true };
    },
    keep(key, head, answer, body, askedAt, policy, compression) {
      const changes = purges.changes();
      const record = { ...createAnswerRecord(answer, body, policy), storedAt: askedAt };
      let place = key;
      if (answer.vary.length > 0) {
        const before = findIndex(key, askedAt);
        const index = extendIndex(before, answer.vary, Math.floor(askedAt));
        const variantKey = index === null ? undefined : formatVariantKey(key, index, head);
        if (index === null || variantKey === undefined) {
          return createHotEntry(key, answer, record, undefined, changes, compression);
        }
        if (index !== before) {
          store(key, { ...createIndexRecord(index, answer, policy), storedAt: askedAt });
        }
        place = variantKey;
      }
      store(place, record);
      return createHotEntry(place, answer, record, undefined, changes, compression);
    },
    adopt(key, record, compression) {
      const { storedAt } = record;
      const stored = decodeStored(record.meta);
      if (stored === undefined) return undefined;
      const tags = stored.kind === "answer" ? stored.tags : [];
      const state = purges.state(key, tags, storedAt);
      if (state === "gone") return undefined;
      memory.set(key, record);
      hot.delete(key);
      if (stored.kind !== "answer") return undefined;
      const entry = createHotEntry(key, stored, record, undefined, -1, compression);
      isValid(entry, performance.timeOrigin + performance.now());
      return entry;
    },
    purge(target, soft, nowMs) {
      const purge = { target, soft, atMs: nowMs };
      purges.purge(purge);
      second.publishPurge(purge);
    },
  };

  function store(key: string, record: CacheRecord): void {
    memory.set(key, record);
    hot.delete(key);
    if (hasSecond) void second.set(key, record); // never rejects
  }
}

function createIndex(
  key: string,
  index: VariantIndex,
  storedAt: number,
  place: HotEntry["place"],
  changes: number,
): HotIndex {
  return { used: false, costBytes: indexBytes, index, key, storedAt, place, changes };
}
