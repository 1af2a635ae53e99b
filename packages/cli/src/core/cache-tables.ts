/** What `stack cache stats` and `ls` print for people. */
import { formatBytes, formatDuration } from "@stack/base";
import {
  type CacheListing,
  type CachePurgeNote,
  type CacheRouteStats,
  type CacheStats,
  countCacheResults,
  describePurgeTarget,
} from "@stack/control";

export function formatCacheStats(stats: CacheStats, nowMs: number): string {
  const { memory, store, routes, purges = [] } = stats;
  const lines = [
    `memory    ${formatBytes(memory.bytes)} of ${formatBytes(memory.capacityBytes)}, ${numberOf(memory.records, "answer")}`,
    `          ${memory.stored} stored, ${memory.evicted} made room since the edge began`,
    ...formatStore(store, nowMs),
    ...(stats.purgeOnRelease === true
      ? ["release   what another release has made is not used any more"]
      : []),
  ];
  return [
    ...lines,
    "",
    ...routes.flatMap(formatRoute),
    ...(purges.length === 0
      ? []
      : ["", "purges", ...purges.map((purge) => formatPurge(purge, nowMs))]),
  ].join("\n");
}

function formatStore(store: CacheStats["store"], nowMs: number): readonly string[] {
  const { name, bytes, records, capacityBytes = null, failures, available, trouble = null } = store;
  if (name === "none") return [];
  const bound = capacityBytes === null ? "" : ` of ${formatBytes(capacityBytes)}`;
  const away = available ? "" : ", away";
  return [
    `${name.padEnd(10)}${formatBytes(bytes)}${bound}, ${numberOf(records, "answer")}, ${numberOf(failures, "failure")}${away}`,
    ...(trouble === null
      ? []
      : [
          `          ${trouble.error.code} ${formatAge(trouble.since, nowMs)}: ${trouble.error.title}`,
        ]),
    ...(trouble?.error.facts ?? []).map((fact) => `          ${fact}`),
  ];
}

function formatRoute(route: CacheRouteStats): readonly string[] {
  const { total, hitRatio } = countCacheResults([route]);
  const share = hitRatio === null ? "" : `, ${(hitRatio * 100).toFixed(1)} % from the cache`;
  return [
    `${route.route}  ${total} requests${share}`,
    ...route.results.map(
      ({ result, reason, count }) => `  ${`${result} ${reason}`.trim().padEnd(22)}${count}`,
    ),
  ];
}

function formatPurge({ target, soft, at, own }: CachePurgeNote, nowMs: number): string {
  const how = `${soft ? "  soft" : ""}${own ? "" : "  over the store"}`;
  return `  ${formatAge(at, nowMs).padEnd(12)}${describePurgeTarget(target)}${how}`;
}

/** "12s ago" */
function formatAge(at: number, nowMs: number): string {
  return `${formatDuration(wholeSeconds(nowMs - at))} ago`;
}

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.round(ms / 1_000)) * 1_000;
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
      const age = formatDuration(wholeSeconds(nowMs - storedAt));
      return `${formatBytes(bodyBytes).padStart(8)}  ${age.padStart(7)}  ${url}${variant}${tagged}`;
    });
  return [...rows, ...(isCut ? ["… and more (-n)"] : [])].join("\n");
}

function numberOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
