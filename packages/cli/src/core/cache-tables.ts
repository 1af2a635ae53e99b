/** What `stack cache stats` and `ls` print for people. */
import { formatBytes, formatDuration } from "@stack/base";
import type { CacheListing, CacheRouteStats, CacheStats } from "@stack/control";

export function formatCacheStats({ memory, store, routes }: CacheStats): string {
  const lines = [
    `memory    ${formatBytes(memory.bytes)} of ${formatBytes(memory.capacityBytes)}, ${memory.records} answers`,
    `          ${memory.stored} stored, ${memory.evicted} made room since the edge began`,
  ];
  if (store.name !== "none") {
    const state = store.available ? "" : ", away";
    lines.push(
      `${store.name.padEnd(10)}${formatBytes(store.bytes)}, ${store.records} answers, ${store.failures} failures${state}`,
    );
  }
  return [...lines, "", ...routes.flatMap(formatRoute)].join("\n");
}

function formatRoute({ route, results }: CacheRouteStats): readonly string[] {
  const total = results.reduce((sum, { count }) => sum + count, 0);
  const title = `${route}  ${total} requests${total === 0 ? "" : `, ${share(results, total)} from the cache`}`;
  return [
    title,
    ...results.map(
      ({ result, reason, count }) => `  ${`${result} ${reason}`.trim().padEnd(22)}${count}`,
    ),
  ];
}

function share(results: CacheRouteStats["results"], total: number): string {
  const fromCache = results
    .filter(({ result }) => result === "hit" || result === "stale" || result === "revalidated")
    .reduce((sum, { count }) => sum + count, 0);
  return `${((fromCache / total) * 100).toFixed(1)} %`;
}

export function formatCacheList(
  records: readonly CacheListing[],
  isCut: boolean,
  nowMs: number,
): string {
  if (records.length === 0) return "nothing is kept";
  const rows = records
    .toSorted((one, other) => (one.key < other.key ? -1 : 1))
    .map(({ key, bodyBytes, storedAt, tags }) => {
      const [url = "", ...parts] = key.split("\n");
      const variant = parts.length === 0 ? "" : `  (${parts.join(" ")})`;
      const tagged = tags.length === 0 ? "" : `  #${tags.join(" #")}`;
      const age = formatDuration(Math.max(0, Math.round((nowMs - storedAt) / 1_000)) * 1_000);
      return `${formatBytes(bodyBytes).padStart(8)}  ${age.padStart(7)}  ${url}${variant}${tagged}`;
    });
  return [...rows, ...(isCut ? ["… and more (-n)"] : [])].join("\n");
}
