/** The services as rows: the edge, each app with its instances and workers, programs, redis, our own. */
import type {
  AppStatus,
  LastExit,
  LatencyMs,
  ProcessStatus,
  ServiceState,
  WorkerStatus,
} from "@stack/control";
import { type CanaryNote, canaryNote } from "./canary.ts";
import type { DashboardState } from "./state.ts";

export interface ServiceRow {
  /** Unique, and stable over snapshots. */
  readonly key: string;
  readonly kind: "edge" | "app" | "canary" | "instance" | "worker" | "program" | "redis" | "own";
  /** What actions on this row act on: the app for its instances and workers. */
  readonly target: string;
  readonly name: string;
  /** For each level above: whether that branch ends here. Empty at the top. */
  readonly branch: readonly boolean[];
  readonly foldable: boolean;
  /** Its workers are hidden. */
  readonly folded: boolean;
  readonly state: ServiceState;
  readonly pid: number | null;
  readonly ready: { readonly now: number; readonly wanted: number } | null;
  readonly restarts: number;
  readonly uptimeMs: number | null;
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
  readonly rate: number | null;
  readonly latency: LatencyMs | null;
  readonly queue: number | null;
  readonly inFlight: number | null;
  /** Of a worker. */
  readonly busyPercent?: number;
  readonly current?: WorkerStatus["current"];
  readonly lastExit: LastExit | null;
  /** In place of the numbers. */
  readonly note?: CanaryNote;
}

/** With less room than this, a row per app is what fits. */
const fewRows = 8;

/**
 * @param space how many rows fit; when there are more, the services with a fault come first
 */
export function rowsOf(state: DashboardState, space: number): readonly ServiceRow[] {
  const { status } = state;
  if (status === null) return [];
  const groups: ServiceRow[][] = [];
  for (const process of status.processes) {
    if (process.kind === "edge") {
      groups.push([
        {
          ...ownRow(process, "edge"),
          rate: status.edge?.requestsPerSecond ?? null,
          latency: status.edge?.latencyMs ?? null,
          queue: sum(status.apps.map((app) => app.queue)),
          inFlight: sum(status.apps.map((app) => app.inFlight)),
        },
      ]);
    }
  }
  for (const app of status.apps) groups.push(appRows(app, state, space < fewRows));
  for (const process of status.processes) {
    if (process.kind === "program" || process.kind === "redis") {
      groups.push([ownRow(process, process.kind)]);
    }
  }
  for (const process of status.processes) {
    if (process.kind === "keeper" || process.kind === "stackd")
      groups.push([ownRow(process, "own")]);
  }
  const all = groups.flat();
  if (all.length <= space) return all;
  return [...groups.filter(hasFault), ...groups.filter((group) => !hasFault(group))].flat();
}

/** The row under the cursor; the first when there is none, or it has gone. */
export function selectedIndex(rows: readonly ServiceRow[], selected: string | null): number {
  return Math.max(
    0,
    rows.findIndex((row) => row.key === selected),
  );
}

/** While a reload is under way two generations have a worker of this id. */
export function workerKey({ id, generation }: WorkerStatus): string {
  return `${id}@${generation}`;
}

/** `compact`: workers are hidden unless they were asked for, where otherwise they are shown. */
function appRows(app: AppStatus, state: DashboardState, compact: boolean): ServiceRow[] {
  const processes = state.status?.processes ?? [];
  const instances = [...new Set(app.workers.map((worker) => worker.instance))].sort(
    (a, b) => a - b,
  );
  const head: ServiceRow = {
    key: app.name,
    kind: "app",
    target: app.name,
    name: `${app.name} (${app.kind})`,
    branch: [],
    foldable: app.workers.length > 0,
    folded: state.folded.has(app.name) !== compact,
    state: app.state,
    pid: null,
    ready: { now: app.ready, wanted: app.desired },
    restarts: sum(app.workers.map((worker) => worker.restarts)),
    uptimeMs: longest(app.workers.map((worker) => worker.uptimeMs)),
    cpuPercent: total(app.workers.map((worker) => worker.cpuPercent)),
    memoryBytes: total(app.workers.map((worker) => worker.memoryBytes)),
    rate: app.requestsPerSecond,
    latency: app.latencyMs,
    queue: app.queue,
    inFlight: app.inFlight,
    lastExit: null,
  };
  const note = canaryNote(app);
  const rows = note === null ? [head] : [head, canaryRow(app, note, head.folded)];
  if (head.folded) return rows;
  for (const [index, instance] of instances.entries()) {
    const workers = app.workers.filter((worker) => worker.instance === instance);
    const key = `${app.name}-${instance}`;
    const arbiter = processes.find((process) => process.name === key);
    rows.push(instanceRow(key, app, workers, arbiter, index === instances.length - 1, state));
    if (state.folded.has(key)) continue;
    for (const [place, worker] of workers.entries()) {
      const branch = [index === instances.length - 1, place === workers.length - 1];
      const isOnlyOne = workers.filter(({ id }) => id === worker.id).length === 1;
      const name = isOnlyOne ? worker.id : workerKey(worker);
      rows.push({ ...workerRow(worker, app, branch, state), key: name, name });
    }
  }
  return rows;
}

/** New code beside the old: what it does is told in words. */
function canaryRow(app: AppStatus, note: CanaryNote, last: boolean): ServiceRow {
  return {
    key: `${app.name}@canary`,
    kind: "canary",
    target: app.name,
    name: `canary ${note.release}`,
    branch: [last],
    foldable: false,
    folded: false,
    state: note.tone === "good" ? "ready" : note.tone === "bad" ? "degraded" : "booting",
    pid: null,
    ready: null,
    restarts: 0,
    uptimeMs: null,
    cpuPercent: null,
    memoryBytes: null,
    rate: null,
    latency: null,
    queue: null,
    inFlight: null,
    lastExit: null,
    note,
  };
}

function instanceRow(
  key: string,
  app: AppStatus,
  workers: readonly WorkerStatus[],
  arbiter: ProcessStatus | undefined,
  last: boolean,
  state: DashboardState,
): ServiceRow {
  return {
    key,
    kind: "instance",
    target: app.name,
    name: key,
    branch: [last],
    foldable: true,
    folded: state.folded.has(key),
    state: arbiter?.state ?? worst(workers),
    pid: arbiter?.pid ?? null,
    ready: {
      now: workers.filter((worker) => worker.state === "ready").length,
      wanted: workers.length,
    },
    restarts: arbiter?.restarts ?? 0,
    uptimeMs: arbiter?.uptimeMs ?? null,
    cpuPercent: arbiter?.cpuPercent ?? null,
    memoryBytes: arbiter?.memoryBytes ?? null,
    rate: total(workers.map((worker) => state.workerRates.get(workerKey(worker)) ?? null)),
    latency: null,
    queue: null,
    inFlight: null,
    lastExit: arbiter?.lastExit ?? null,
  };
}

function workerRow(
  worker: WorkerStatus,
  app: AppStatus,
  branch: readonly boolean[],
  state: DashboardState,
): ServiceRow {
  return {
    key: worker.id,
    kind: "worker",
    target: app.name,
    name: worker.id,
    branch,
    foldable: false,
    folded: false,
    state: worker.state,
    pid: worker.pid,
    ready: null,
    restarts: worker.restarts,
    uptimeMs: worker.uptimeMs,
    cpuPercent: worker.cpuPercent,
    memoryBytes: worker.memoryBytes,
    rate: state.workerRates.get(workerKey(worker)) ?? null,
    latency: null,
    queue: null,
    inFlight: worker.inFlight,
    busyPercent: worker.busyPercent,
    current: worker.current,
    lastExit: worker.lastExit,
  };
}

function ownRow(process: ProcessStatus, kind: ServiceRow["kind"]): ServiceRow {
  return {
    key: process.name,
    kind,
    target: process.name,
    name: process.name,
    branch: [],
    foldable: false,
    folded: false,
    state: process.state,
    pid: process.pid,
    ready: null,
    restarts: process.restarts,
    uptimeMs: process.pid === null ? null : process.uptimeMs,
    cpuPercent: process.cpuPercent,
    memoryBytes: process.memoryBytes,
    rate: null,
    latency: null,
    queue: null,
    inFlight: null,
    lastExit: process.lastExit,
  };
}

function hasFault(group: readonly ServiceRow[]): boolean {
  return group.some(
    (row) => row.kind !== "canary" && (row.state === "crashed" || row.state === "degraded"),
  );
}

function worst(workers: readonly WorkerStatus[]): ServiceState {
  const ready = workers.filter((worker) => worker.state === "ready").length;
  if (ready === workers.length) return "ready";
  return ready > 0 ? "degraded" : (workers[0]?.state ?? "stopped");
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function total(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : sum(known);
}

function longest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}
