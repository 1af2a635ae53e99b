/** What the cache of a route would do with a request, as far as that can be said without its memory. */
import { decideLookup, readRequestFacts } from "@stack/cache";
import type { RoutePlan } from "@stack/config";
import type { RequestHead } from "@stack/protocols";
import { compileCacheRules } from "../cache/cache-rules.ts";
import { routeLabel } from "../measuring/route-label.ts";

export interface ExplainedCache {
  /** What its results are counted under. */
  readonly route: string;
  readonly mode: "http" | "force";
  /** Its first line is the URL; null where the request goes past the cache. */
  readonly key: string | null;
  readonly text: string;
}

/** Null for a route without a cache. */
export function explainCache(
  route: RoutePlan,
  head: RequestHead,
  scheme: "http" | "https",
): ExplainedCache | null {
  if (route.cache === undefined) return null;
  const { mode } = route.cache;
  const label = routeLabel(route);
  const rules = compileCacheRules(route.cache, route.conditions);
  const past = (why: string): ExplainedCache => ({
    route: label,
    mode,
    key: null,
    text: `goes past it: ${why}`,
  });
  if (!rules.answers(head.method)) return past(`${head.method} is not answered from it`);
  const isBypassed = rules.isBypassed(head);
  const early = decideLookup(head.method, readRequestFacts(head), rules.policy, isBypassed);
  if (isBypassed) return past("a cookie or header of `bypass`");
  if (early !== undefined) return past("the request asks for it");
  const kept =
    mode === "http"
      ? "as the answer's headers say"
      : `for ${route.cache.ttlMs} ms, whatever it says`;
  const sides = route.action.kind === "split" ? ", for each side of the split" : "";
  return { route: label, mode, key: rules.keyOf(head, scheme), text: `kept ${kept}${sides}` };
}
