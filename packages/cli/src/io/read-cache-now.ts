/** What the cache of the stack that runs has for one request: for `explain`, which works without one too. */
import type { CacheAnswer, CacheOrder } from "@stack/control";
import type { CacheNow } from "../core/explanation.ts";
import { tryConnect } from "./connect.ts";
import type { StackPlace } from "./session.ts";

/** Records below one URL: its variants. */
const mostRecords = 1_000;
const deadlineMs = 5_000;

/** Null when nothing runs, or it has no cache, or does not answer in time. */
export async function readCacheNow(
  place: StackPlace,
  { route, key }: { readonly route: string; readonly key: string | null },
): Promise<CacheNow | null> {
  using client = await tryConnect(place).catch(() => undefined);
  if (client === undefined) return null;
  const ask = (order: CacheOrder): Promise<CacheAnswer> =>
    client.request({ op: "cache", order }) as Promise<CacheAnswer>;
  const [prefix = ""] = key?.split("\n") ?? [];
  const answers = Promise.all([
    ask({ kind: "stats" }),
    key === null ? null : ask({ kind: "list", prefix, limit: mostRecords }),
  ]).catch(() => null);
  const late = new Promise<null>((resolve) => {
    setTimeout(() => resolve(null), deadlineMs).unref();
  });
  const [stats, list] = (await Promise.race([answers, late])) ?? [];
  if (stats?.kind !== "stats") return null;
  const records = list?.kind === "list" ? list.records : [];
  return {
    kept: records.find((one) => one.key === key || one.key.startsWith(`${key}\n`)) ?? null,
    results: stats.stats.routes.find((one) => one.route === route)?.results ?? [],
  };
}
