/** The top of every view: who and how, then traffic; or that stackd does not answer. */
import { formatDuration } from "@stack/base";
import type { StatusData } from "@stack/control";
import { formatClock, formatCount, formatMs, formatRate, sparkline } from "../core/format.ts";
import { type Line, line, type Span, span, spread, widthOf } from "../core/line.ts";
import type { DashboardState } from "../core/state.ts";
import { type Capabilities, stateShape, stateTone } from "../core/theme.ts";
import type { Screen } from "./screen.ts";

/** Two lines, or one on a small terminal. */
export function headerLines(state: DashboardState, screen: Screen): readonly Line[] {
  const { status } = state;
  if (status === null) return [line(span(" stack", "bold"), "  connecting …")];
  const small = screen.columns < 60 || screen.rows < 16;
  const first = titleLine(state, status, screen);
  const trouble = troubleLine(state);
  if (small) return [trouble ?? first];
  return [first, trouble ?? trafficLine(status, screen.columns)];
}

function titleLine(state: DashboardState, status: StatusData, screen: Screen): Line {
  const { capabilities, columns } = screen;
  const clock = formatClock(new Date(state.nowMs).toISOString(), screen.offsetMinutes);
  const right = [span(columns < 50 ? clock.slice(0, 5) : clock, "muted"), span(" ")];
  const left: Span[] = [
    span(` ${status.stack}`, "bold"),
    span(status.release === "" ? "" : ` ${status.release}`, "muted"),
    span("  "),
    span(stateWord(status, capabilities), stateTone(status.state)),
  ];
  const rate = status.edge?.requestsPerSecond ?? 0;
  if (columns < 60) {
    left.push(span(`  ${formatRate(rate)}/s`));
    return spread(left, right, columns);
  }
  left.push(
    span(`  up ${formatDuration(Math.max(0, state.nowMs - Date.parse(status.startedAt)))}`),
  );
  const urls = status.edge?.urls.join(" ") ?? "";
  const traffic = `  ${formatRate(rate)} req/s `;
  const graph = sparkline(state.rateHistory, columns >= 120 ? 20 : 8, capabilities.unicode);
  const room = columns - widthOf(left) - widthOf(right) - traffic.length - graph.length - 3;
  if (urls.length <= room) left.push(span(`  ${urls}`));
  left.push(span(traffic), span(graph, "good"));
  return spread(left, right, columns);
}

function trafficLine(status: StatusData, columns: number): Line {
  const { edge } = status;
  const latency = edge?.latencyMs ?? null;
  const answers = edge?.answers ?? [];
  const all = answers.reduce((sum, count) => sum + count, 0);
  const share = (kind: number): string =>
    all === 0 ? "-" : `${(((answers[kind] ?? 0) * 100) / all).toFixed(kind === 5 ? 2 : 1)}%`;
  const queue = status.apps.reduce((sum, app) => sum + app.queue, 0);
  const inFlight = status.apps.reduce((sum, app) => sum + app.inFlight, 0);
  const failed = (answers[5] ?? 0) > 0;
  const parts: Span[] = [
    span(
      ` p50 ${withMs(latency?.p50)}  p95 ${withMs(latency?.p95)}  p99 ${withMs(latency?.p99)}`,
      "muted",
    ),
    span(columns < 100 ? "" : `   2xx ${share(2)}  3xx ${share(3)}  4xx ${share(4)}`, "muted"),
    span(`   5xx ${share(5)}`, failed ? "warn" : "muted"),
    span(`   queue ${formatCount(queue)}`, queue > 0 ? "warn" : "muted"),
    span(`   in flight ${formatCount(inFlight)}`, "muted"),
    span(`   conns ${formatCount(edge?.connections ?? 0)}`, "muted"),
  ];
  // Whole parts, as many as fit.
  while (parts.length > 1 && widthOf(parts) > columns) parts.pop();
  return line(...parts);
}

function troubleLine(state: DashboardState): Line | undefined {
  if (state.contact.kind !== "lost") return undefined;
  const seconds = Math.max(0, Math.floor((state.nowMs - state.contact.sinceMs) / 1000));
  return line(
    span(
      ` lost contact ${seconds} s ago, retrying: traffic goes on, what is shown is of then`,
      "warn",
    ),
  );
}

function stateWord(status: StatusData, capabilities: Capabilities): string {
  return `${stateShape(status.state, capabilities)} ${status.state.toUpperCase()}`;
}

function withMs(value: number | undefined): string {
  if (value === undefined) return "-";
  const text = formatMs(value);
  return text.endsWith("s") ? text : `${text}ms`;
}
