/** The dashboard's state after each thing that happens. Pure; every list in it is bounded. */
import { assertNever } from "@stack/base";
import {
  type CacheAnswer,
  countCacheResults,
  type StackEvent,
  type StatusData,
} from "@stack/control";
import { readExceptions } from "./exceptions.ts";
import { matchesFilter } from "./log-filter.ts";
import { workerKey } from "./rows.ts";
import type {
  CacheView,
  DashboardAction,
  DashboardState,
  Feedback,
  LogEntry,
  LogView,
} from "./state.ts";

const maxLogLines = 10_000;
const maxEvents = 50;
const maxSamples = 60;

export function reduce(state: DashboardState, action: DashboardAction): DashboardState {
  switch (action.type) {
    case "snapshot":
      return withSnapshot(state, action.status, action.nowMs);
    case "event":
      return withEvent(state, action.event);
    case "lost":
      return state.contact.kind === "lost"
        ? state
        : { ...state, contact: { kind: "lost", sinceMs: action.nowMs } };
    case "tick":
      return { ...state, nowMs: action.nowMs, feedback: current(state.feedback, action.nowMs) };
    case "logs":
      return {
        ...state,
        logs: append(state.logs, action.lines),
        exceptions: readExceptions(state.exceptions, action.lines),
      };
    case "view":
      return { ...state, view: action.view };
    case "dialog":
      return { ...state, dialog: action.dialog };
    case "select":
      return { ...state, selected: action.key };
    case "detail":
      return { ...state, detail: { ...state.detail, at: action.at } };
    case "detail-toggle":
      return {
        ...state,
        detail: {
          at: { item: action.item, line: 0 },
          toggled: toggled(state.detail.toggled, action.item),
        },
      };
    case "cache":
      return { ...state, cache: withCache(state.cache, action.answer, action.nowMs) };
    case "cache-scroll":
      return { ...state, cache: { ...state.cache, scroll: Math.max(0, action.to) } };
    case "fold":
      return { ...state, folded: toggled(state.folded, action.key) };
    case "feedback":
      return {
        ...state,
        feedback: new Map(state.feedback).set(action.key, action.feedback),
      };
    case "log-scroll":
      return { ...state, logs: scrolled(state.logs, action.lines) };
    case "log-follow":
      return { ...state, logs: { ...state.logs, follow: action.follow, below: 0 } };
    case "log-filter":
      return {
        ...state,
        logs: { ...state.logs, filter: action.filter, editing: action.editing, below: 0 },
      };
    default:
      return assertNever(action);
  }
}

function withSnapshot(state: DashboardState, status: StatusData, nowMs: number): DashboardState {
  const elapsedMs = nowMs - state.snapshotMs;
  // Two snapshots within a blink (a change of state) would make a rate out of nothing.
  const measurable = state.status !== null && elapsedMs >= 500;
  const total =
    status.edge?.requestsPerSecond ?? sum(status.apps.map((app) => app.requestsPerSecond));
  const fresh = state.status === null || measurable;
  return {
    ...state,
    status,
    nowMs,
    contact: { kind: "live" },
    snapshotMs: fresh ? nowMs : state.snapshotMs,
    workerRates: measurable ? ratesOf(state.status, status, elapsedMs) : state.workerRates,
    rateHistory: fresh ? [...state.rateHistory, total].slice(-maxSamples) : state.rateHistory,
    events: status.events.slice(-maxEvents),
    selected: state.selected,
    logs: append(state.logs, state.status === null ? [] : unseen(state.events, status.events)),
  };
}

function withCache(cache: CacheView, answer: CacheAnswer, nowMs: number): CacheView {
  const next = { ...cache, answer, atMs: nowMs };
  if (answer.kind !== "stats" || cache.answer?.kind !== "stats") return next;
  const before = countCacheResults(cache.answer.stats.routes);
  const after = countCacheResults(answer.stats.routes);
  const requests = after.total - before.total;
  // A new edge counts from zero.
  if (requests <= 0) return next;
  const hits = after.total * (after.hitRatio ?? 0) - before.total * (before.hitRatio ?? 0);
  const share = Math.max(0, Math.min(1, hits / requests));
  return { ...next, hitHistory: [...cache.hitHistory, share].slice(-maxSamples) };
}

/** Events come by themselves and again within the next snapshot. */
function withEvent(state: DashboardState, event: StackEvent): DashboardState {
  if (state.events.some((known) => isSame(known, event))) return state;
  return {
    ...state,
    events: [...state.events, event].slice(-maxEvents),
    logs: append(state.logs, [markOf(event)]),
  };
}

function unseen(known: readonly StackEvent[], events: readonly StackEvent[]): LogEntry[] {
  return events.filter((event) => !known.some((seen) => isSame(seen, event))).map(markOf);
}

function markOf(event: StackEvent): LogEntry {
  return {
    at: event.at,
    source: event.source,
    stream: "out",
    text: event.text,
    mark: event.level,
  };
}

function isSame(a: StackEvent, b: StackEvent): boolean {
  return a.at === b.at && a.source === b.source && a.text === b.text;
}

/** A worker that was replaced counts from zero again. */
function ratesOf(
  before: StatusData | null,
  after: StatusData,
  elapsedMs: number,
): ReadonlyMap<string, number> {
  const counts = new Map(
    (before?.apps ?? []).flatMap((app) =>
      app.workers.map((worker) => [`${workerKey(worker)}@${worker.pid}`, worker.requests] as const),
    ),
  );
  return new Map(
    after.apps.flatMap((app) =>
      app.workers.map((worker) => {
        const key = workerKey(worker);
        const earlier = counts.get(`${key}@${worker.pid}`) ?? 0;
        return [key, Math.max(0, ((worker.requests - earlier) * 1000) / elapsedMs)] as const;
      }),
    ),
  );
}

function append(logs: LogView, lines: readonly LogEntry[]): LogView {
  if (lines.length === 0) return logs;
  const all = [...logs.lines, ...lines];
  const kept = all.length > maxLogLines ? all.slice(all.length - maxLogLines) : all;
  if (logs.follow) return { ...logs, lines: kept };
  // What is on the screen stays there while more arrives below.
  const added = lines.filter((entry) => matchesFilter(entry, logs.filter)).length;
  return { ...logs, lines: kept, below: Math.min(kept.length, logs.below + added) };
}

/** Negative is up, which ends following; down to the last line resumes it. */
function scrolled(logs: LogView, lines: number): LogView {
  const matching = logs.lines.filter((entry) => matchesFilter(entry, logs.filter)).length;
  const below = Math.min(Math.max(0, matching - 1), Math.max(0, logs.below - lines));
  return { ...logs, below, follow: below === 0 && lines > 0 };
}

function current(
  feedback: ReadonlyMap<string, Feedback>,
  nowMs: number,
): ReadonlyMap<string, Feedback> {
  const over = [...feedback.values()].some((one) => one.untilMs !== null && one.untilMs <= nowMs);
  if (!over) return feedback;
  return new Map([...feedback].filter(([, one]) => one.untilMs === null || one.untilMs > nowMs));
}

function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
