/** The part of an edge's plan that is about its cache. */

/** Of one route that keeps answers; see the keys of `edge.routes[].cache`. */
export interface RouteCachePlan {
  readonly mode: "http" | "force";
  /** With "force". */
  readonly ttlMs: number;
  readonly key: {
    readonly host: boolean;
    /** A list: only these parameters. */
    readonly query: "all" | "sorted" | readonly string[];
    /** Lower case. */
    readonly headers: readonly string[];
    readonly cookies: readonly string[];
  };
  readonly bypass: { readonly headers: readonly string[]; readonly cookies: readonly string[] };
  readonly methods: readonly ("GET" | "HEAD")[];
  /** 0 for none of its own, as the next three. */
  readonly negativeTtlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly staleWhileDownMs: number;
  readonly maxBytes: number;
  readonly storeSetCookie: boolean;
  /** Whether answers say `Cache-Status`. */
  readonly status: boolean;
}

/** Of the whole edge; absent where no route keeps anything. */
export interface CachePlan {
  readonly memoryBytes: number;
  readonly store:
    | { readonly kind: "memory" }
    /** `url` of a managed server is told when it is known: null until then. */
    | { readonly kind: "redis"; readonly url: string | null; readonly prefix: string }
    /** The folder is absolute. */
    | { readonly kind: "embedded"; readonly folder: string; readonly bytes: number };
  readonly purgeOnRelease: boolean;
}
