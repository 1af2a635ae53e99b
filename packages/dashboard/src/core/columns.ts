/** The columns of the services table: which fit the terminal, and what each shows of a row. */
import { formatBytes, formatDuration } from "@stack/base";
import { formatCount, formatMs, formatRate, shortDuration } from "./format.ts";
import type { ServiceRow } from "./rows.ts";

interface Column {
  readonly title: string;
  readonly width: number;
  readonly align: "left" | "right";
  /** Shown on terminals at least this wide. */
  readonly from: number;
  readonly text: (row: ServiceRow) => string;
}

const right = (
  title: string,
  width: number,
  from: number,
  text: (row: ServiceRow) => string,
): Column => ({ title, width, align: "right", from, text });

/** After NAME and STATE, in the order of reading. */
const all: readonly Column[] = [
  right("READY", 5, 40, (row) =>
    row.ready === null ? "" : `${row.ready.now}/${row.ready.wanted}`,
  ),
  right("PID", 7, 100, (row) => (row.pid === null ? "" : String(row.pid))),
  right("CPU%", 4, 60, (row) =>
    row.cpuPercent === null ? "-" : String(Math.round(row.cpuPercent)),
  ),
  right("MEM", 5, 70, (row) => (row.memoryBytes === null ? "-" : formatBytes(row.memoryBytes))),
  right("REQ/S", 5, 40, (row) => (row.rate === null ? "" : formatRate(row.rate))),
  right("P50", 4, 100, (row) => latency(row, "p50")),
  right("P95", 4, 60, (row) => latency(row, "p95")),
  right("P99", 4, 120, (row) => latency(row, "p99")),
  right("QUEUE", 5, 100, (row) => known(row.queue)),
  right("IN-FL", 5, 100, (row) => known(row.inFlight)),
  right("Q", 3, 80, (row) => known(row.queue)),
  right("INF", 3, 80, (row) => known(row.inFlight)),
  right("RST", 3, 60, (row) => formatCount(row.restarts)),
  right("UP", 6, 70, (row) =>
    row.uptimeMs === null ? "-" : shortDuration(formatDuration(row.uptimeMs), 6),
  ),
  right("BUSY%", 5, 140, (row) => (row.busyPercent === undefined ? "" : String(row.busyPercent))),
  { title: "NOW, OR LAST EXIT", width: 30, align: "left", from: 130, text: nowOrLastExit },
];

export interface TableLayout {
  readonly nameWidth: number;
  readonly stateWidth: number;
  readonly columns: readonly Column[];
}

/** "● degraded" */
const stateWidth = 10;
const narrowState = 1;

/**
 * What fits: every column has the width from which it appears, the names take what is left.
 *
 * @param width of the terminal
 * @param longestName of the rows to show, with their indentation
 */
export function layoutColumns(width: number, longestName: number): TableLayout {
  const wide = width >= 100;
  const columns = all.filter(({ from, title }) => {
    if (wide && (title === "Q" || title === "INF")) return false;
    return width >= from;
  });
  const state = width >= 60 ? stateWidth : narrowState;
  const taken = columns.reduce((sum, column) => sum + column.width + 1, state + 1);
  const room = width - 2 - taken;
  const nameWidth = Math.max(8, Math.min(room, wide ? Math.max(longestName, 16) : room));
  return { nameWidth, stateWidth: state, columns };
}

/** Empty where a kind of row has no such number; "-" where it has one that is not known. */
function known(value: number | null): string {
  return value === null ? "" : formatCount(value);
}

/** A request that is quick is gone before it is read. */
const noticedMs = 1_000;

function nowOrLastExit({ current, lastExit }: ServiceRow): string {
  if (current === null || current === undefined || current.ageMs < noticedMs) {
    return lastExit?.reason ?? "";
  }
  const path = current.url.replace(/^\w+:\/\/[^/]*/, "");
  return `${formatDuration(current.ageMs)} ${current.method} ${path}`;
}

function latency(row: ServiceRow, quantile: "p50" | "p95" | "p99"): string {
  if (row.latency !== null) return formatMs(row.latency[quantile]);
  return row.kind === "app" || row.kind === "edge" ? "-" : "";
}
