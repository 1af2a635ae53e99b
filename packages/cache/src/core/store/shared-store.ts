/**
 * The second level of the cache, shared by machines (Redis) or kept over restarts (a file). It never
 * rejects and never keeps a request waiting beyond its deadline: a late or failed answer is a miss.
 */
import type { ErrorReport } from "@stack/base";
import type { CacheRecord } from "../cache-record.ts";
import type { ListedRecord } from "./listed-record.ts";
import type { Purge } from "./purge.ts";

/** The right to fill one key: for all others to wait for. */
export type Lease =
  | { readonly kind: "mine"; readonly token: string }
  /** Resolves when it was given back or has expired: look again. */
  | { readonly kind: "theirs"; readonly ended: Promise<void> };

export type Found = { readonly kind: "record"; readonly record: CacheRecord } | Lease;

export interface SharedStats {
  readonly name: "redis" | "embedded" | "none";
  /** False while it is away, and nothing is asked of it. */
  readonly available: boolean;
  /** As far as the store can tell, else 0. */
  readonly records: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  /** Requests it answered too late or not at all. */
  readonly failures: number;
}

export interface SharedStore {
  readonly name: SharedStats["name"];
  readonly get: (key: string) => Promise<CacheRecord | undefined>;
  /** The record, else the lease to make it, in one round trip. */
  readonly getOrLease: (key: string, leaseMs: number) => Promise<Found>;
  readonly acquireLease: (key: string, leaseMs: number) => Promise<Lease>;
  /** Tells all who wait. */
  readonly releaseLease: (key: string, token: string) => void;
  /** Resolves when it is stored, or is not going to be. */
  readonly set: (key: string, record: CacheRecord) => Promise<void>;
  readonly delete: (key: string) => Promise<void>;
  /** Some records, in no order; go on with `next` until it is undefined. */
  readonly list: (
    from?: string,
  ) => Promise<{ readonly records: readonly ListedRecord[]; readonly next: string | undefined }>;
  readonly stats: () => Promise<SharedStats>;
  /** To every edge on the same store, and to those that come later. */
  readonly publishPurge: (purge: Purge) => void;
  readonly close: () => Promise<void>;
}

export interface SharedStoreEvents {
  /**
   * Purges made elsewhere or before, to be put into the purge table.
   *
   * @param isPrecaution nobody asked for it: what was purged before is not known
   */
  readonly onPurge: (purge: Purge, isPrecaution?: boolean) => void;
  /** For the operator, once until it works again. */
  readonly onTrouble: (error: ErrorReport) => void;
  readonly onRecovered: () => void;
}
