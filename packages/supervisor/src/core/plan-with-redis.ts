/** The edge's plan with the address of the managed Redis, which is known only where the stack runs. */
import type { EdgePlan, ResolvedConfig } from "@stack/config";
import { redisUrl } from "./environment.ts";

export function planWithRedis(
  { edge, redis }: Pick<ResolvedConfig, "edge" | "redis">,
  runFolder: string,
): EdgePlan {
  const { plan } = edge;
  if (plan.cache?.store.kind !== "redis" || plan.cache.store.url !== null) return plan;
  const url = redisUrl(redis, runFolder) ?? null;
  return { ...plan, cache: { ...plan.cache, store: { ...plan.cache.store, url } } };
}
