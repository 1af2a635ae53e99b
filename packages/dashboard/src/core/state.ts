/** What the dashboard knows and shows, and all that can happen to it. Plain data: views only read it. */
import type { CacheAnswer, ClientRequest, StackEvent, StatusData } from "@stack/control";
import type { DetailPlace } from "./detail.ts";
import { type ExceptionLog, noExceptions } from "./exceptions.ts";

export interface DashboardLogLine {
  /** ISO 8601 UTC. */
  readonly at: string;
  readonly source: string;
  readonly stream: "out" | "err";
  readonly text: string;
}

export type LogEntry = DashboardLogLine & {
  /** A restart, exit or other change of state, shown as a line across the log. */
  readonly mark?: "info" | "warn" | "error";
};

/** Whether stackd answers; what is shown is of `sinceMs` when it does not. */
type Contact =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly sinceMs: number };

export type Dialog =
  | { readonly kind: "help" }
  | { readonly kind: "quit" }
  /** What to purge, as it is typed: "tag news", and why that cannot be done. */
  | { readonly kind: "purge"; readonly typed: string; readonly problem: string }
  | {
      readonly kind: "confirm";
      readonly request: ClientRequest;
      readonly title: string;
      readonly text: readonly string[];
      /** The same from a shell. */
      readonly shell: string;
      /** Must be typed; null: `y` is enough. */
      readonly name: string | null;
      readonly typed: string;
    };

/** The course of an action, shown on its row. */
export interface Feedback {
  readonly text: string;
  readonly tone: "good" | "warn" | "bad";
  /** Goes away then; while the action runs, never. */
  readonly untilMs: number | null;
}

export interface LogView {
  readonly lines: readonly LogEntry[];
  readonly follow: boolean;
  /** How many matching lines lie below the last one shown; 0 while following. */
  readonly below: number;
  readonly filter: string;
  /** While the filter is being typed. */
  readonly editing: boolean;
}

/** The service that is looked at is the one under the cursor, `selected`. */
interface DetailView {
  /** Null: at the top. */
  readonly at: DetailPlace | null;
  /** Items that are not as they are by themselves, open or closed. */
  readonly toggled: ReadonlySet<string>;
}

export interface CacheView {
  /** As the edge said last; null before, and while the view is not looked at nothing is asked. */
  readonly answer: CacheAnswer | null;
  readonly atMs: number;
  /** Share of the requests between two answers that came from the cache, of the last 60 with any. */
  readonly hitHistory: readonly number[];
  /** The first line of its list that is shown. */
  readonly scroll: number;
}

export interface DashboardState {
  readonly owner: boolean;
  readonly status: StatusData | null;
  readonly contact: Contact;
  readonly nowMs: number;
  /** When the last snapshot came, for rates of counters. */
  readonly snapshotMs: number;
  readonly view: "services" | "detail" | "cache" | "logs";
  readonly dialog: Dialog | null;
  /** Key of the row under the cursor. */
  readonly selected: string | null;
  /** Apps and instances whose workers are hidden. */
  readonly folded: ReadonlySet<string>;
  readonly feedback: ReadonlyMap<string, Feedback>;
  readonly events: readonly StackEvent[];
  /** Requests per second of each worker, from its counter. */
  readonly workerRates: ReadonlyMap<string, number>;
  /** Requests per second of the whole stack, the last 60 samples. */
  readonly rateHistory: readonly number[];
  readonly logs: LogView;
  readonly exceptions: ExceptionLog;
  readonly detail: DetailView;
  readonly cache: CacheView;
}

export type DashboardAction =
  | { readonly type: "snapshot"; readonly status: StatusData; readonly nowMs: number }
  | { readonly type: "event"; readonly event: StackEvent }
  | { readonly type: "lost"; readonly nowMs: number }
  | { readonly type: "tick"; readonly nowMs: number }
  | { readonly type: "logs"; readonly lines: readonly DashboardLogLine[] }
  | { readonly type: "view"; readonly view: DashboardState["view"] }
  | { readonly type: "dialog"; readonly dialog: Dialog | null }
  | { readonly type: "select"; readonly key: string }
  | { readonly type: "fold"; readonly key: string }
  | { readonly type: "feedback"; readonly key: string; readonly feedback: Feedback }
  | { readonly type: "detail"; readonly at: DetailPlace | null }
  | { readonly type: "detail-toggle"; readonly item: string }
  | { readonly type: "cache"; readonly answer: CacheAnswer; readonly nowMs: number }
  | { readonly type: "cache-scroll"; readonly to: number }
  | { readonly type: "log-scroll"; readonly lines: number }
  | { readonly type: "log-follow"; readonly follow: boolean }
  | { readonly type: "log-filter"; readonly filter: string; readonly editing: boolean };

export function initialState(owner: boolean, nowMs: number): DashboardState {
  return {
    owner,
    status: null,
    contact: { kind: "connecting" },
    nowMs,
    snapshotMs: nowMs,
    view: "services",
    dialog: null,
    selected: null,
    folded: new Set(),
    feedback: new Map(),
    events: [],
    workerRates: new Map(),
    rateHistory: [],
    logs: { lines: [], follow: true, below: 0, filter: "", editing: false },
    exceptions: noExceptions,
    detail: { at: null, toggled: new Set() },
    cache: { answer: null, atMs: nowMs, hitHistory: [], scroll: 0 },
  };
}
