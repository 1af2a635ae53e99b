/** The cache as the edge reads it: of each route, and the store they share. */
import type { CachePlan, RouteCachePlan } from "../cache-plan.ts";
import type { RedisPlan } from "../plans.ts";
import type { ParsedConfig } from "../schema/config.ts";

type ParsedRoute = ParsedConfig["edge"]["routes"][number];

const defaultTtlMs = 1_000;

/** Undefined for a route that keeps nothing. */
export function resolveRouteCache({ cache }: ParsedRoute): RouteCachePlan | undefined {
  if (cache === undefined || cache.mode === "off") return undefined;
  return {
    mode: cache.mode,
    ttlMs: cache.ttl ?? defaultTtlMs,
    key: { ...cache.key, headers: cache.key.headers.map(lowerCase) },
    bypass: { ...cache.bypass, headers: cache.bypass.headers.map(lowerCase) },
    methods: cache.methods,
    negativeTtlMs: cache.negativeTtl ?? 0,
    staleWhileRevalidateMs: cache.staleWhileRevalidate ?? 0,
    staleIfErrorMs: cache.staleIfError ?? 0,
    staleWhileDownMs: cache.staleWhileDown ?? 0,
    maxBytes: cache.maxBytes,
    storeSetCookie: cache.storeSetCookie,
    status: cache.status,
  };
}

/**
 * @param name of the stack: answers of several share a Redis
 * @param folder where the embedded store is
 */
export function resolveCache(
  parsed: ParsedConfig,
  redis: RedisPlan,
  name: string,
  folder: string,
): CachePlan | undefined {
  if (parsed.edge.routes.every((route) => resolveRouteCache(route) === undefined)) return undefined;
  const { memory, purgeOnRelease } = parsed.cache;
  const store = resolveStore(parsed.cache, redis, name, folder);
  return { memoryBytes: memory, store, purgeOnRelease };
}

/** The file of the embedded store may be so many times as large as the memory, if nothing is said. */
const embeddedShare = 8;

function resolveStore(
  { store, memory, disk }: ParsedConfig["cache"],
  redis: RedisPlan,
  name: string,
  folder: string,
): CachePlan["store"] {
  if (store === "memory") return { kind: "memory" };
  if (store === "embedded" || redis.kind === "none") {
    return { kind: "embedded", folder, bytes: disk ?? memory * embeddedShare };
  }
  return {
    kind: "redis",
    url: redis.kind === "url" ? redis.url : null,
    prefix: `stack:${name}:`,
  };
}

function lowerCase(name: string): string {
  return name.toLowerCase();
}
