/**
 * What there is to say about one service: facts, why it fails, its exceptions, its last ends with the
 * end of their standard error. A list of items that open and close; the cursor is on one of their lines.
 */
import { formatBytes, formatDuration } from "@stack/base";
import type {
  AppStatus,
  LastExit,
  ProcessStatus,
  ServiceState,
  WorkerStatus,
} from "@stack/control";
import { canaryNote, verdictNote } from "./canary.ts";
import { exceptionsOf } from "./exceptions.ts";
import { formatCount, formatMs, formatRate } from "./format.ts";
import type { Tone } from "./line.ts";
import { workerKey } from "./rows.ts";
import { sanitizeLine } from "./sanitize.ts";
import type { DashboardState } from "./state.ts";

export interface Detail {
  readonly name: string;
  /** The app for its instances and workers. */
  readonly target: string;
  readonly state: ServiceState;
  readonly facts: readonly (readonly [label: string, text: string])[];
  readonly canary: { readonly text: string; readonly tone: Tone } | null;
  readonly items: readonly DetailItem[];
}

export interface DetailItem {
  readonly key: string;
  readonly section: "error" | "exceptions" | "exits";
  /** ISO 8601 UTC; null where it is about now. */
  readonly at: string | null;
  readonly title: string;
  /** Beside it, less loud. */
  readonly note: string;
  readonly tone: Tone | undefined;
  readonly lines: readonly string[];
  readonly open: boolean;
}

/** Where the cursor is: 0 is the item's title, then its lines while it is open. */
export interface DetailPlace {
  readonly item: string;
  readonly line: number;
}

const shownExits = 20;
const shownExceptions = 50;

/** Null when the service is not there any more. */
export function detailOf(state: DashboardState): Detail | null {
  const { status, selected } = state;
  if (status === null || selected === null) return null;
  for (const app of status.apps) {
    if (app.name === selected) return appDetail(state, app, status.processes);
    const worker =
      app.workers.find((one) => workerKey(one) === selected) ??
      app.workers.find(({ id }) => id === selected);
    if (worker !== undefined) return workerDetail(state, app, worker);
  }
  const process = status.processes.find(({ name }) => name === selected);
  if (process === undefined) return null;
  const app = status.apps.find(({ name }) => isInstanceOf(process, name));
  return processDetail(state, process, app);
}

/** All lines the cursor can be on, in order. */
export function placesOf(items: readonly DetailItem[]): readonly DetailPlace[] {
  return items.flatMap(({ key, lines, open }) =>
    Array.from({ length: 1 + (open ? lines.length : 0) }, (_, line) => ({ item: key, line })),
  );
}

/** The cursor's index in `placesOf`; the nearest line when its own has gone. */
export function placeIndex(places: readonly DetailPlace[], at: DetailPlace | null): number {
  if (at === null) return 0;
  const own = places.findLastIndex(({ item, line }) => item === at.item && line <= at.line);
  return Math.max(0, own);
}

function appDetail(
  state: DashboardState,
  app: AppStatus,
  processes: readonly ProcessStatus[],
): Detail {
  const { workers, latencyMs, lastCanary } = app;
  const note = canaryNote(app) ?? (lastCanary === undefined ? null : verdictNote(lastCanary));
  const arbiters = processes.filter((process) => isInstanceOf(process, app.name));
  const exits = [
    ...workers.flatMap(({ id, exits: ends, lastExit }) =>
      ends.length > 0 ? ends.map((exit) => ({ source: id, exit })) : ofOne(id, lastExit),
    ),
    ...arbiters.flatMap(({ name, lastExit }) => ofOne(name, lastExit)),
  ];
  return {
    name: `${app.name} (${app.kind})`,
    target: app.name,
    state: app.state,
    facts: [
      ["workers", `${app.ready} of ${app.desired} ready`],
      [
        "requests",
        `${formatRate(app.requestsPerSecond)}/s, ${formatCount(app.inFlight)} in flight, ${formatCount(app.queue)} queued`,
      ],
      [
        "latency",
        (["p50", "p95", "p99"] as const)
          .map((name) => `${name} ${withUnit(latencyMs?.[name])}`)
          .join("  "),
      ],
      [
        "answered 500",
        `${formatCount(sum(workers.map(({ exceptions }) => exceptions)))} of ${formatCount(sum(workers.map(({ requests }) => requests)))}`,
      ],
      ["restarts", formatCount(sum(workers.map(({ restarts }) => restarts)))],
    ],
    canary:
      note === null
        ? null
        : { text: `canary ${note.release}: ${note.parts.join(", ")}`, tone: note.tone },
    items: itemsOf(state, app.name, app.state, app.error ?? null, exits),
  };
}

function workerDetail(state: DashboardState, app: AppStatus, worker: WorkerStatus): Detail {
  const { id, current, exits, lastExit } = worker;
  return {
    name: id,
    target: app.name,
    state: worker.state,
    facts: [
      ...processFacts(worker),
      ["generation", String(worker.generation)],
      [
        "requests",
        `${formatCount(worker.requests)}, ${formatCount(worker.inFlight)} now, busy ${worker.busyPercent}%, ${formatCount(worker.exceptions)} answered 500`,
      ],
      [
        "now",
        current === null
          ? "-"
          : sanitizeLine(
              `${formatDuration(current.ageMs)} ${current.method} ${current.url} for ${current.client}`,
            ),
      ],
    ],
    canary: null,
    items: itemsOf(
      state,
      app.name,
      worker.state,
      app.error ?? null,
      exits.length > 0 ? exits.map((exit) => ({ source: id, exit })) : ofOne(id, lastExit),
    ),
  };
}

function processDetail(
  state: DashboardState,
  process: ProcessStatus,
  app: AppStatus | undefined,
): Detail {
  const { name, lastExit } = process;
  const target = app?.name ?? name;
  return {
    name,
    target,
    state: process.state,
    facts: processFacts(process),
    canary: null,
    items: itemsOf(
      state,
      target,
      process.state,
      process.error ?? app?.error ?? null,
      ofOne(name, lastExit),
    ),
  };
}

function processFacts(
  one: Pick<ProcessStatus, "pid" | "uptimeMs" | "restarts" | "cpuPercent" | "memoryBytes">,
): (readonly [string, string])[] {
  const cpu = one.cpuPercent === null ? "-" : `${Math.round(one.cpuPercent)}%`;
  const memory = one.memoryBytes === null ? "-" : formatBytes(one.memoryBytes);
  return [
    [
      "process",
      one.pid === null ? "none runs" : `pid ${one.pid}, up ${formatDuration(one.uptimeMs)}`,
    ],
    ["uses", `cpu ${cpu}, memory ${memory}`],
    ["restarts", formatCount(one.restarts)],
  ];
}

interface SourcedExit {
  readonly source: string;
  readonly exit: LastExit;
}

function ofOne(source: string, exit: LastExit | null): SourcedExit[] {
  return exit === null ? [] : [{ source, exit }];
}

function itemsOf(
  state: DashboardState,
  target: string,
  serviceState: ServiceState,
  error: AppStatus["error"] | null,
  exits: readonly SourcedExit[],
): readonly DetailItem[] {
  const isOpen = (key: string, byDefault: boolean): boolean =>
    state.detail.toggled.has(key) !== byDefault;
  const items: DetailItem[] = [];
  if (error !== null && error !== undefined) {
    const { code, title, facts = [], fixes = [] } = error;
    items.push({
      key: "error",
      section: "error",
      at: null,
      title: sanitizeLine(title),
      note: code,
      tone: "bad",
      lines: [
        ...facts.flatMap((fact) => fact.split("\n")),
        ...fixes.map((fix, index) => `${index === 0 ? "Fix" : "Or "}   ${fix}`),
      ].map(sanitizeLine),
      open: isOpen("error", true),
    });
  }
  for (const group of exceptionsOf(state.exceptions, target).slice(0, shownExceptions)) {
    const key = `exception ${group.key}`;
    items.push({
      key,
      section: "exceptions",
      at: group.lastAt,
      title: `${group.count > 1 ? `x${formatCount(group.count)} ` : ""}${group.type}${group.message === "" ? "" : `: ${group.message}`}`,
      note: [group.place, group.source].filter((text) => text !== "").join("  "),
      tone: "warn",
      lines: group.trace,
      open: isOpen(key, false),
    });
  }
  const failure = items.find(({ section }) => section === "error");
  const isBroken = serviceState !== "ready" && serviceState !== "stopped";
  const newest = [...exits].sort((a, b) => (a.exit.at < b.exit.at ? 1 : -1)).slice(0, shownExits);
  for (const [index, { source, exit }] of newest.entries()) {
    const key = `exit ${source} ${exit.at}`;
    const lines = (exit.stderr ?? []).map(sanitizeLine);
    const isFault = exit.signal !== null || (exit.code ?? 0) !== 0;
    items.push({
      key,
      section: "exits",
      at: exit.at,
      title: `${source}  ${sanitizeLine(exit.reason)}`,
      note: lines.length > 0 ? (lines.findLast((text) => text !== "") ?? "") : "",
      tone: isFault ? "bad" : undefined,
      lines,
      open: isOpen(key, index === 0 && isBroken && !tells(failure, lines)),
    });
  }
  return items;
}

function withUnit(ms: number | undefined): string {
  const text = formatMs(ms ?? null);
  return text === "-" || text.endsWith("s") ? text : `${text}ms`;
}

/** The last words of an exit are told already where the error has them among its facts. */
function tells(error: DetailItem | undefined, lines: readonly string[]): boolean {
  const told = error?.lines.join("\n") ?? "";
  return lines.some((text) => text.trim() !== "" && told.includes(text.trim()));
}

function isInstanceOf({ name, kind }: ProcessStatus, app: string): boolean {
  return kind === "app" && name.startsWith(`${app}-`) && /^-\d+$/.test(name.slice(app.length));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
