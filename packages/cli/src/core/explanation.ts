/** `stack explain` for people: what would happen, from the listener to the app, and why. */
import { formatBytes, formatDuration } from "@stack/base";
import { type CacheListing, type CacheRouteStats, countCacheResults } from "@stack/control";
import type { Paint } from "./paint.ts";

/** What the edge's `bin/explain.js` answers; `stack.explain/1` is this. */
export interface Explanation {
  readonly listener: { readonly name: string | null; readonly text: string };
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly query: string | null;
    readonly client: string;
  };
  readonly refused: { readonly status: number; readonly reason: string } | null;
  readonly route: {
    readonly source: string;
    readonly host: string | null;
    readonly path: string;
    readonly conditions: readonly string[];
    readonly captures: Readonly<Record<string, string>>;
  } | null;
  readonly action: { readonly kind: string; readonly text: string };
  readonly forwarded: {
    readonly target: string;
    readonly strippedPrefix: string | null;
    readonly rewrittenBy: string | null;
  } | null;
  readonly cache: {
    readonly route: string;
    readonly mode: string;
    readonly key: string | null;
    readonly text: string;
    /** Of the stack that runs; null where none does. */
    readonly running?: CacheNow | null;
  } | null;
  readonly changes: {
    readonly requestHeaders: readonly string[];
    readonly responseHeaders: readonly string[];
    readonly rules: readonly string[];
  };
  readonly limits: Readonly<Record<string, number>>;
  readonly others: readonly {
    readonly source: string;
    readonly host: string | null;
    readonly path: string;
    readonly why: string;
  }[];
}

/** What the edge that runs has of such a request. */
export interface CacheNow {
  readonly kept: CacheListing | null;
  /** Of the whole route, since the edge began. */
  readonly results: CacheRouteStats["results"];
}

/** Of the routes that are not it, without `-v`. */
const shownOthers = 8;

export function formatExplanation(
  explanation: Explanation,
  paint: Paint,
  verbose: boolean,
  nowMs: number,
): string {
  const { request, route, forwarded, cache, changes, limits, others } = explanation;
  const query = request.query === null ? "" : `?${request.query}`;
  const rows: (readonly [label: string, text: string])[] = [
    ["listener", explanation.listener.text],
    ["request", `${request.method} ${request.host}${request.path}${query} from ${request.client}`],
  ];
  if (route !== null) {
    rows.push(["route", `${route.host ?? ""}${route.path}  ${paint("muted", route.source)}`]);
    for (const condition of route.conditions) rows.push(["", `asks for ${condition}`]);
    for (const [name, value] of Object.entries(route.captures)) {
      rows.push(["", `{${name}} is ${JSON.stringify(value)}`]);
    }
  }
  rows.push(["answer", paint("bold", explanation.action.text)]);
  if (forwarded !== null) {
    const by =
      forwarded.rewrittenBy === null
        ? forwarded.strippedPrefix === null
          ? ""
          : `  without ${forwarded.strippedPrefix}`
        : `  by ${forwarded.rewrittenBy}`;
    rows.push(["asked as", `${forwarded.target}${by}`]);
  }
  if (cache !== null) {
    rows.push(["cache", `${cache.mode}: ${cache.text}`]);
    rows.push(...listed("key", cache.key?.split("\n") ?? []));
    rows.push(...formatRunning(cache.running ?? null, cache.key !== null, nowMs));
  }
  rows.push(...listed("request", changes.requestHeaders));
  rows.push(...listed("response", changes.responseHeaders));
  rows.push(...listed("rules", changes.rules));
  rows.push(["limits", formatLimits(limits)]);
  const shown = verbose ? others : others.slice(0, shownOthers);
  rows.push(
    ...shown.map((other, index): readonly [string, string] => [
      index === 0 ? "not" : "",
      `${other.host ?? ""}${other.path}  ${paint("muted", other.source)}  ${other.why}`,
    ]),
  );
  if (shown.length < others.length) {
    rows.push(["", paint("muted", `and ${others.length - shown.length} more: -v`)]);
  }
  return rows.map(([label, text]) => `${label.padEnd(10)}${text}`).join("\n");
}

function formatRunning(
  running: CacheNow | null,
  hasKey: boolean,
  nowMs: number,
): (readonly [string, string])[] {
  if (running === null) return [];
  const { kept, results } = running;
  const rows: (readonly [string, string])[] = [];
  if (hasKey) rows.push(["kept", kept === null ? "nothing now" : formatKept(kept, nowMs)]);
  if (results.length > 0) {
    const { hitRatio } = countCacheResults([{ route: "", results }]);
    const told = results.map(
      ({ result, reason, count }) => `${`${result} ${reason}`.trim()} ${count}`,
    );
    const share = hitRatio === null ? "" : `  (${(hitRatio * 100).toFixed(1)} % from the cache)`;
    rows.push(["so far", `${told.join(", ")}${share}`]);
  }
  return rows;
}

function formatKept({ bodyBytes, storedAt, keepUntil, tags }: CacheListing, nowMs: number): string {
  const seconds = (ms: number): string =>
    formatDuration(Math.max(0, Math.round(ms / 1_000)) * 1_000);
  const tagged = tags.length === 0 ? "" : `  #${tags.join(" #")}`;
  const end =
    keepUntil > nowMs
      ? `goes in ${seconds(keepUntil - nowMs)}`
      : `of no use for ${seconds(nowMs - keepUntil)}`;
  return `${formatBytes(bodyBytes)}, stored ${seconds(nowMs - storedAt)} ago, ${end}${tagged}`;
}

function listed(label: string, lines: readonly string[]): (readonly [string, string])[] {
  return lines.map((line, index) => [index === 0 ? label : "", line]);
}

/** By the end of a name: bytes, milliseconds or a count. */
function formatLimits(limits: Readonly<Record<string, number>>): string {
  return Object.entries(limits)
    .map(([name, value]) => {
      if (name.endsWith("Bytes")) return `${name.slice(0, -5)} ${formatBytes(value)}`;
      if (name.endsWith("Ms")) return `${name.slice(0, -2)} ${formatDuration(value)}`;
      return `${name} ${value}`;
    })
    .join(", ");
}
