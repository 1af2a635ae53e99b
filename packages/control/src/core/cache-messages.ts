/** `stack cache`: what is asked of the edge about its cache, and what it says. */
import type { ErrorReport } from "@stack/base";

/** Of keys that begin with their URL: "http://shop.test/blog/1?page=2". */
export type CachePurgeTarget =
  | { readonly kind: "all" }
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "url"; readonly url: string };

export type CacheOrder =
  /** Soft: what is purged is stale, not gone. */
  | {
      readonly kind: "purge";
      readonly targets: readonly CachePurgeTarget[];
      readonly soft: boolean;
    }
  | { readonly kind: "stats" }
  /** At most `limit` records whose URL begins so, in no order. */
  | { readonly kind: "list"; readonly prefix: string; readonly limit: number };

export type CacheAnswer =
  /** No route keeps answers. */
  | { readonly kind: "none" }
  | { readonly kind: "purged" }
  | { readonly kind: "stats"; readonly stats: CacheStats }
  | {
      readonly kind: "list";
      readonly records: readonly CacheListing[];
      /** There are more than were asked for. */
      readonly isCut: boolean;
    };

export interface CacheStats {
  readonly memory: {
    readonly records: number;
    readonly bytes: number;
    readonly capacityBytes: number;
    /** Since the edge began. */
    readonly stored: number;
    readonly evicted: number;
  };
  /** Besides the memory of the edge; "none" where that is all. */
  readonly store: {
    readonly name: "redis" | "embedded" | "none";
    readonly available: boolean;
    readonly records: number;
    readonly bytes: number;
    /** What it may take; null or absent where that is up to itself. */
    readonly capacityBytes?: number | null;
    readonly failures: number;
    /** Why it is left alone, or stores nothing new, since when (Unix time); null or absent while all is well. */
    readonly trouble?: { readonly error: ErrorReport; readonly since: number } | null;
  };
  readonly routes: readonly CacheRouteStats[];
  /** The last ones, the newest last; absent from an edge of an earlier version. */
  readonly purges?: readonly CachePurgeNote[];
  /** Whether what another release of an app has made is not used any more. */
  readonly purgeOnRelease?: boolean;
}

export interface CachePurgeNote {
  readonly target: CachePurgeTarget;
  readonly soft: boolean;
  /** Unix time. */
  readonly at: number;
  /** Ordered of this edge; else the store told of it: another edge made it, or it was begun anew. */
  readonly own: boolean;
}

/** Requests since the edge began, by what the cache did with them. */
export interface CacheRouteStats {
  readonly route: string;
  readonly results: readonly {
    readonly result: string;
    /** "" for a plain hit. */
    readonly reason: string;
    readonly count: number;
  }[];
}

export interface CacheListing {
  readonly key: string;
  readonly bodyBytes: number;
  /** Unix time, as the next. */
  readonly storedAt: number;
  readonly keepUntil: number;
  readonly tags: readonly string[];
}
