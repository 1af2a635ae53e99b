/** The edge's plan with the address of the managed Redis, which is known only where the stack runs. */
import type { EdgePlan } from "@stack/config";
import { type RedisConfig, redisUrl } from "./environment.ts";

export function planWithRedis(config: RedisConfig, runFolder: string): EdgePlan {
  const { plan } = config.edge;
  if (plan.cache?.store.kind !== "redis" || plan.cache.store.url !== null) return plan;
  const url = redisUrl(config, runFolder) ?? null;
  return { ...plan, cache: { ...plan.cache, store: { ...plan.cache.store, url } } };
}
