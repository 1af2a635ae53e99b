/** `stack status` for people: one row per service, its workers below it, never wider than asked. */
import { formatBytes, formatDuration } from "@stack/base";
import {
  type AppStatus,
  type ProcessStatus,
  type ServiceState,
  type StatusData,
  stateShapes,
  type WorkerStatus,
} from "@stack/control";
import type { Paint, Tone } from "./paint.ts";

export interface TableStyle {
  readonly paint: Paint;
  readonly unicode: boolean;
  readonly columns: number;
}

interface Cell {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly right: boolean;
  /** Shown only from this width of the terminal on. */
  readonly from: number;
  readonly cell: (row: Row) => string;
}

interface Row {
  readonly name: string;
  readonly state: ServiceState;
  readonly pid: number | null;
  readonly ready: string;
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
  readonly restarts: number;
  readonly uptimeMs: number | null;
  readonly rate: number | null;
  readonly lastExit: string;
}

const columns: readonly Column[] = [
  { title: "PID", width: 7, right: true, from: 60, cell: (row) => number(row.pid) },
  { title: "READY", width: 5, right: true, from: 40, cell: (row) => row.ready },
  { title: "CPU%", width: 4, right: true, from: 70, cell: (row) => number(row.cpuPercent) },
  {
    title: "MEM",
    width: 5,
    right: true,
    from: 60,
    cell: (row) => (row.memoryBytes === null ? "-" : formatBytes(row.memoryBytes)),
  },
  { title: "REQ/S", width: 6, right: true, from: 70, cell: (row) => number(row.rate) },
  { title: "RST", width: 4, right: true, from: 50, cell: (row) => number(row.restarts) },
  {
    title: "UP",
    width: 6,
    right: true,
    from: 40,
    cell: (row) => (row.uptimeMs === null || row.pid === null ? "-" : formatDuration(row.uptimeMs)),
  },
  { title: "LAST EXIT", width: 30, right: false, from: 110, cell: (row) => row.lastExit },
];

/** The whole output of `stack status`, without a newline at its end. */
export function formatStatus(status: StatusData, style: TableStyle): string {
  const shown = columns.filter((column) => style.columns >= column.from);
  const rows = rowsOf(status, style.unicode);
  const longest = Math.max(...rows.map((row) => row.name.length), 4);
  const taken = shown.reduce((sum, column) => sum + column.width + 1, 0) + 12;
  const nameWidth = Math.max(8, Math.min(longest, style.columns - taken));
  const titles = [
    "NAME".padEnd(nameWidth),
    "STATE".padEnd(10),
    ...shown.map((column) => toWidth(column.title, column.width, column.right)),
  ].join(" ");
  const maintenance = formatMaintenance(status.edge?.maintenance ?? null);
  return [
    headline(status, style),
    ...(maintenance === "" ? [] : [style.paint("warn", maintenance)]),
    ...status.apps.flatMap((app) => formatCanary(app) ?? []),
    style.paint("muted", titles.trimEnd()),
    ...rows.map((row) => {
      const state = stateCell(row.state, style.unicode);
      const rest = shown.map((column) => toWidth(column.cell(row), column.width, column.right));
      const line = `${toWidth(row.name, nameWidth, false)} ${paintCell(state, style)}${" ".repeat(
        10 - state.text.length,
      )} ${rest.join(" ")}`;
      return line.trimEnd();
    }),
  ].join("\n");
}

/** "" when there is none. */
export function formatMaintenance(
  maintenance: NonNullable<StatusData["edge"]>["maintenance"] | null,
): string {
  if (maintenance === null || maintenance === undefined) return "";
  const { mode, since } = maintenance;
  return mode === "on"
    ? `maintenance since ${since}: requests get 503 (stack maintenance off)`
    : `maintenance since ${since}: requests wait (stack maintenance resume)`;
}

/** `shop: 10% to r3, 40s: new 120 of 100 requests, 0 errors, p95 12 ms; old 1080, 2, 11 ms` */
export function formatCanary({ name, canary }: AppStatus): string | undefined {
  if (canary === undefined) return undefined;
  const { release, share, elapsedMs, wanted, old, new: fresh } = canary;
  const percent = `${Math.round(share * 1000) / 10}%`;
  const p95 = (ms: number | null): string => (ms === null ? "-" : `${Math.round(ms * 10) / 10} ms`);
  const one = `new: ${fresh.requests} of ${wanted} requests, ${fresh.errors} errors, p95 ${p95(fresh.p95Ms)}`;
  const other = `old: ${old.requests} requests, ${old.errors} errors, p95 ${p95(old.p95Ms)}`;
  return `canary of ${name}: ${percent} to ${release} for ${formatDuration(elapsedMs)}; ${one}; ${other}`;
}

function headline(status: StatusData, style: TableStyle): string {
  const state = stateCell(status.state, style.unicode);
  const urls = status.edge?.urls.join(" ") ?? "";
  const parts = [style.paint("bold", status.stack), paintCell(state, style)];
  if (status.release !== "") parts.push(status.release);
  const plain = `${status.stack}  ${state.text}  ${status.release}  ${urls}`;
  if (urls !== "" && plain.length <= style.columns) parts.push(urls);
  return parts.join("  ");
}

function rowsOf(status: StatusData, unicode: boolean): Row[] {
  const rows: Row[] = [];
  for (const process of status.processes) {
    if (process.kind === "app") continue;
    rows.push(processRow(process, status));
  }
  const services = rows.filter((row) => row.name !== "keeper" && row.name !== "stackd");
  const own = rows.filter((row) => row.name === "keeper" || row.name === "stackd");
  const apps = status.apps.flatMap((app) => appRows(app, status.processes, unicode));
  const edges = services.filter((row) => row.name.startsWith("edge"));
  return [...edges, ...apps, ...services.filter((row) => !edges.includes(row)), ...own];
}

function processRow(process: ProcessStatus, status: StatusData): Row {
  return {
    ...process,
    ready: "",
    rate: process.kind === "edge" ? (status.edge?.requestsPerSecond ?? null) : null,
    lastExit: process.lastExit?.reason ?? "",
  };
}

function appRows(app: AppStatus, processes: readonly ProcessStatus[], unicode: boolean): Row[] {
  const head: Row = {
    name: app.name,
    state: app.state,
    pid: null,
    ready: `${app.ready}/${app.desired}`,
    cpuPercent: sum(app.workers.map((worker) => worker.cpuPercent)),
    memoryBytes: sum(app.workers.map((worker) => worker.memoryBytes)),
    restarts: app.workers.reduce((total, worker) => total + worker.restarts, 0),
    uptimeMs: null,
    rate: app.requestsPerSecond,
    lastExit: "",
  };
  const instances = [...new Set(app.workers.map((worker) => worker.instance))];
  const below = instances.flatMap((instance, index) => {
    const arbiter = processes.find((process) => process.name === `${app.name}-${instance}`);
    const workers = app.workers.filter((worker) => worker.instance === instance);
    const last = index === instances.length - 1;
    const rail = last ? " " : unicode ? "│" : "|";
    const rows = workers.map((worker, place) => ({
      ...workerRow(worker),
      name: `${rail} ${branch(place === workers.length - 1, unicode)} ${worker.id}`,
    }));
    if (arbiter === undefined) return rows;
    const name = `${branch(last, unicode)} ${arbiter.name}`;
    return [{ ...arbiterRow(arbiter, workers), name }, ...rows];
  });
  return [head, ...below];
}

function arbiterRow(process: ProcessStatus, workers: readonly WorkerStatus[]): Row {
  const ready = workers.filter((worker) => worker.state === "ready").length;
  return {
    ...process,
    ready: `${ready}/${workers.length}`,
    rate: null,
    lastExit: process.lastExit?.reason ?? "",
  };
}

function workerRow(worker: WorkerStatus): Row {
  return {
    ...worker,
    name: worker.id,
    ready: "",
    rate: null,
    lastExit: worker.lastExit?.reason ?? "",
  };
}

function branch(last: boolean, unicode: boolean): string {
  if (!unicode) return last ? "`" : "|";
  return last ? "└" : "├";
}

function stateCell(state: ServiceState, unicode: boolean): Cell {
  const shape = stateShapes[state];
  return { text: `${unicode ? shape.unicode : shape.ascii} ${state}`, tone: stateTone(state) };
}

/** Blue is well, orange is on its way, vermillion is broken, grey is off. */
function stateTone(state: ServiceState): Tone {
  switch (state) {
    case "ready":
      return "good";
    case "booting":
    case "draining":
    case "degraded":
      return "warn";
    case "crashed":
      return "bad";
    case "stopped":
    case "disabled":
      return "muted";
  }
}

function paintCell(cell: Cell, style: TableStyle): string {
  return cell.tone === undefined ? cell.text : style.paint(cell.tone, cell.text);
}

function number(value: number | null): string {
  if (value === null) return "-";
  return value >= 10_000 && value < 1_000_000 && !Number.isInteger(value)
    ? `${(value / 1000).toFixed(0)}k`
    : String(Math.round(value));
}

function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

function toWidth(text: string, width: number, right: boolean): string {
  const short = text.length > width ? text.slice(0, width) : text;
  return right ? short.padStart(width) : short.padEnd(width);
}
