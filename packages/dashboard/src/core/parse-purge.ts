/** What is to be purged, as it is typed into the dashboard: "tag news", "soft prefix http://shop.test/". */
import { type CacheOrder, type CachePurgeTarget, withBothSchemes } from "@stack/control";

/** Where the course of a purge is shown. */
export const cacheKey = "cache";

/** The order, or in words why there is none. */
export function parsePurge(typed: string): CacheOrder | string {
  const words = typed.trim().split(/\s+/);
  const soft = words[0] === "soft";
  const [kind = "", ...rest] = soft ? words.slice(1) : words;
  const value = rest.join(" ");
  const targets = targetsOf(kind, value);
  return typeof targets === "string" ? targets : { kind: "purge", targets, soft };
}

function targetsOf(kind: string, value: string): readonly CachePurgeTarget[] | string {
  switch (kind) {
    case "all":
      return value === "" ? [{ kind: "all" }] : `"all" is all there is to say`;
    case "tag":
      return value === "" ? "which tag?" : [{ kind: "tag", tag: value }];
    case "prefix":
      return withScheme(value, (prefix) => ({ kind: "prefix", prefix }));
    case "url":
      return withScheme(value, (url) => ({ kind: "url", url }));
    default:
      return "begin with tag, prefix, url or all";
  }
}

function withScheme(
  text: string,
  target: (url: string) => CachePurgeTarget,
): readonly CachePurgeTarget[] | string {
  if (text === "" || text.startsWith("/")) return "with its host: shop.test/blog/";
  return withBothSchemes(text).map(target);
}
