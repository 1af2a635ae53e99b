/** View 4: what the cache does for each route and why, how full its stores are, whether Redis is there. */
import { formatBytes, formatDuration } from "@stack/base";
import {
  type CachePurgeNote,
  type CacheStats,
  countCacheResults,
  describePurgeTarget,
} from "@stack/control";
import { type CacheLine, cacheLines } from "../core/cache-lines.ts";
import { formatClock, formatCount, sparkline } from "../core/format.ts";
import { type Line, line, type Span, span } from "../core/line.ts";
import { cacheKey } from "../core/parse-purge.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { DashboardState } from "../core/state.ts";
import { padEnd, padStart } from "../core/width.ts";
import { headerLines } from "./header.ts";
import { cacheKeys } from "./keys.ts";
import { isSmall, rule, type Screen, usableRows } from "./screen.ts";
import { tabs } from "./tabs.ts";

const labelWidth = 10;

export function cacheView(state: DashboardState, screen: Screen): readonly Line[] {
  const small = isSmall(screen);
  const top = [
    ...headerLines(state, screen).slice(0, small ? 1 : 2),
    rule(screen),
    ...(small ? [] : [tabs(state, screen)]),
    ...courseOf(state),
  ];
  const footer = [rule(screen), ...cacheKeys(state, screen)];
  const space = Math.max(1, usableRows(screen) - top.length - footer.length);
  const body = bodyLines(state, screen, space).slice(0, space);
  while (body.length < space) body.push(line(""));
  return [...top, ...body, ...footer];
}

/** Of a purge that was asked for here. */
function courseOf(state: DashboardState): readonly Line[] {
  const feedback = state.feedback.get(cacheKey);
  return feedback === undefined ? [] : [line(span(` ${feedback.text}`, feedback.tone))];
}

function bodyLines(state: DashboardState, screen: Screen, space: number): Line[] {
  const { answer } = state.cache;
  if (answer === null) return [line(span("  asking the edge …", "muted"))];
  if (answer.kind !== "stats") {
    return [
      line(""),
      line("  No route keeps answers: nothing is cached, and nothing is paid for it."),
      line(span('  cache: { mode: "http" } on a route in deploy.config.ts', "muted")),
    ];
  }
  const { stats } = answer;
  const summary = summaryLines(state, stats, screen);
  const shown = isSmall(screen) ? summary.slice(0, 2) : [...summary, rule(screen)];
  const titles = tableTitles(screen);
  const rows = cacheLines(state);
  const room = Math.max(1, space - shown.length - 1);
  const start = Math.min(state.cache.scroll, Math.max(0, rows.length - room));
  const lines = rows.slice(start, start + room).map((row) => tableLine(row, screen));
  const hidden = rows.length - start - room;
  if (hidden > 0) {
    const dots = screen.capabilities.unicode ? "…" : "...";
    lines[lines.length - 1] = line(span(`  ${dots} ${hidden + 1} more`, "muted"));
  }
  return [...shown, titles, ...lines];
}

function summaryLines(state: DashboardState, stats: CacheStats, screen: Screen): Line[] {
  const { total, hitRatio } = countCacheResults(stats.routes);
  const { unicode } = screen.capabilities;
  const graph = sparkline(
    state.cache.hitHistory.map((share) => share * 100),
    Math.max(8, Math.min(40, screen.columns - 60)),
    unicode,
    100,
  );
  const { release = "" } = state.status ?? {};
  const { memory, purges = [] } = stats;
  return [
    line(
      labelled("answered"),
      span(hitRatio === null ? "-" : `${(hitRatio * 100).toFixed(1)}%`, "bold"),
      span(` of ${formatCount(total)} requests from the cache `),
      span(graph, "good"),
    ),
    line(
      labelled("memory"),
      span(bar(memory.bytes / memory.capacityBytes, unicode), "good"),
      span(
        ` ${formatBytes(memory.bytes)} of ${formatBytes(memory.capacityBytes)}, ${formatCount(memory.records)} ${answers(memory.records)}`,
      ),
      span(
        `, ${formatCount(memory.stored)} stored, ${formatCount(memory.evicted)} evicted`,
        "muted",
      ),
    ),
    ...storeLines(state, stats.store, screen),
    ...(screen.rows < 24 ? [] : [releaseLine(stats, release)]),
    ...purgeLines(purges, screen),
  ];
}

function releaseLine({ purgeOnRelease }: CacheStats, release: string): Line {
  const text =
    purgeOnRelease === true
      ? "  what another release has made is not used"
      : "  answers outlive a release (cache.purgeOnRelease)";
  return line(labelled("release"), span(release === "" ? "-" : release), span(text, "muted"));
}

function storeLines(
  state: DashboardState,
  store: CacheStats["store"],
  screen: Screen,
): readonly Line[] {
  const { name, records, bytes, capacityBytes = null, failures, available } = store;
  const trouble = store.trouble ?? null;
  if (name === "none") {
    return [line(labelled("store"), span("none besides the memory of the edge", "muted"))];
  }
  const { unicode } = screen.capabilities;
  const shape = available ? (unicode ? "● " : "* ") : unicode ? "✖ " : "x ";
  const word = available ? (trouble === null ? "available" : "reads only") : "away, circuit open";
  const tone = !available ? "bad" : trouble === null ? "good" : "warn";
  const full = capacityBytes === null ? "" : ` of ${formatBytes(capacityBytes)}`;
  const first = line(
    labelled(name),
    span(`${shape}${word}`, tone),
    span(
      available
        ? `  ${formatBytes(bytes)}${full}, ${formatCount(records)} ${answers(records)}, `
        : "  ",
    ),
    span(`${formatCount(failures)} failures`, failures > 0 ? "warn" : "muted"),
  );
  if (trouble === null) return [first];
  const { error, since } = trouble;
  const age = formatDuration(Math.max(0, Math.round((state.nowMs - since) / 1000)) * 1000);
  const reasons = (error.facts ?? [])
    .slice(0, screen.rows < 24 ? 0 : 1)
    .map((fact) => line(labelled(""), span(sanitizeLine(fact))));
  return [
    first,
    line(
      labelled(""),
      span(`${error.code} `, "bold"),
      span(`for ${age}: ${sanitizeLine(error.title)}`, tone),
    ),
    ...reasons,
  ];
}

function purgeLines(purges: readonly CachePurgeNote[], screen: Screen): readonly Line[] {
  const count = screen.rows >= 34 ? 5 : screen.rows >= 24 ? 2 : 1;
  const shown = purges.slice(-count).reverse();
  if (shown.length === 0)
    return [line(labelled("purges"), span("none since the edge began", "muted"))];
  return shown.map(({ target, soft, at, own }, index) =>
    line(
      labelled(index === 0 ? "purges" : ""),
      span(`${formatClock(new Date(at).toISOString(), screen.offsetMinutes)} `, "muted"),
      span(sanitizeLine(describePurgeTarget(target))),
      span(`${soft ? "  soft" : ""}${own ? "" : "  over the store"}`, "muted"),
    ),
  );
}

// ── the table of routes ─────────────────────────────────────────────────────────────────────────

/** Column titles with their widths; wide screens have room for the whole words. */
function tableColumns(screen: Screen): readonly (readonly [title: string, width: number])[] {
  const narrow = screen.columns < 60;
  const wide = screen.columns >= 100;
  if (narrow)
    return [
      ["HIT%", 5],
      ["MISS", 5],
      ["PAST", 5],
    ];
  const width = wide ? 11 : 6;
  return [
    ["REQS", width],
    ["HIT%", width],
    ["HIT", width],
    ["STALE", width],
    [wide ? "REVALIDATED" : "REVAL", width],
    ["MISS", width],
    ["BYPASS", width],
  ];
}

function nameWidth(screen: Screen): number {
  const taken = tableColumns(screen).reduce((sum, [, width]) => sum + width + 1, 0);
  return Math.max(6, Math.min(40, screen.columns - 2 - taken));
}

function tableTitles(screen: Screen): Line {
  const titles = tableColumns(screen).map(([title, width]) => padStart(title, width));
  return line(span(`  ${[padEnd("ROUTE", nameWidth(screen)), ...titles].join(" ")}`, "muted"));
}

function tableLine(row: CacheLine, screen: Screen): Line {
  if (row.kind === "reasons") {
    return line(span(`    ${padEnd(row.result, 12)} ${row.text}`, "muted"));
  }
  const { total, hitRatio, byResult } = row.counts;
  const cells: Readonly<Record<string, string>> = {
    REQS: formatCount(total),
    "HIT%": hitRatio === null ? "-" : (hitRatio * 100).toFixed(1),
    HIT: formatCount(byResult.hit),
    STALE: formatCount(byResult.stale),
    REVAL: formatCount(byResult.revalidated),
    REVALIDATED: formatCount(byResult.revalidated),
    MISS: formatCount(byResult.miss),
    BYPASS: formatCount(byResult.bypass),
    PAST: formatCount(byResult.bypass),
  };
  return line(
    span(`  ${padEnd(row.route, nameWidth(screen))}`, "bold"),
    ...tableColumns(screen).map(([title, width]) =>
      span(` ${padStart(cells[title] ?? "", width)}`),
    ),
  );
}

function labelled(label: string): Span {
  return span(` ${padEnd(label, labelWidth)}`, "muted");
}

/** "█████░░░░░" */
function bar(share: number, unicode: boolean): string {
  const width = 10;
  const full = Math.max(
    0,
    Math.min(width, Math.round((Number.isFinite(share) ? share : 0) * width)),
  );
  return (unicode ? "█" : "#").repeat(full) + (unicode ? "░" : ".").repeat(width - full);
}

function answers(count: number): string {
  return count === 1 ? "answer" : "answers";
}
