/**
 * Before an app is asked: whether the second level has the answer, or another machine is fetching it
 * right now. What is found goes into the memory of this edge.
 */
import { decodeStored, formatVariantKey, matchesRequest } from "@stack/cache";
import type { RequestHead } from "@stack/protocols";
import type { Compression } from "../compression/compression.ts";
import type { CacheDesk } from "./cache-desk.ts";
import type { HotEntry } from "./hot-entry.ts";

/** Gives the right to fetch back, so that others look again. */
export interface SharedLookup {
  readonly entry: HotEntry | undefined;
  readonly release: () => void;
}

export interface SharedQuestion {
  readonly desk: CacheDesk;
  /** Without variants, and with, as far as this edge knows them. */
  readonly baseKey: string;
  readonly key: string;
  readonly head: RequestHead;
  readonly compression: Compression | undefined;
  readonly now: () => number;
  /** What is known already, and of no use as it is. */
  readonly stale: HotEntry | undefined;
}

/** As long as another machine may take before this one asks as well. */
const leaseMs = 15_000;
/** Whoever waited so often for others asks by itself. */
const mostWaits = 2;
/** An index that leads to an index is damaged. */
const mostSteps = 2;

export async function lookUpShared(question: SharedQuestion): Promise<SharedLookup> {
  const { desk, baseKey, head, stale } = question;
  const { store } = desk;
  let { key } = question;
  let steps = 0;
  for (let waits = 0; waits <= mostWaits; ) {
    const found = await store.getOrLease(key, leaseMs);
    if (found.kind === "mine") return leased(key, found.token);
    if (found.kind === "theirs") {
      waits += 1;
      await found.ended;
      continue;
    }
    const stored = decodeStored(found.record.meta);
    if (stored?.kind === "variants" && steps < mostSteps) {
      steps += 1;
      desk.adopt(baseKey, found.record);
      const variant = formatVariantKey(baseKey, stored, head);
      if (variant === undefined) break;
      key = variant;
      continue;
    }
    if (stored?.kind !== "answer" || !matchesRequest(stored, head)) break;
    const entry = desk.adopt(key, found.record, question.compression);
    const isOlder = stale !== undefined && found.record.storedAt <= stale.storedAt;
    if (entry === undefined || isOlder) break;
    return { entry, release: () => {} };
  }
  // What is there does not do: the right to replace it, or no right at all.
  const lease = await store.acquireLease(key, leaseMs);
  if (lease.kind === "mine") return leased(key, lease.token);
  return { entry: undefined, release: () => {} };

  function leased(leasedKey: string, token: string): SharedLookup {
    return { entry: undefined, release: () => store.releaseLease(leasedKey, token) };
  }
}
