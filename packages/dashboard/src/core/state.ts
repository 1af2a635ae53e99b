/** What the dashboard knows and shows, and all that can happen to it. Plain data: views only read it. */
import type { ClientRequest, StackEvent, StatusData } from "@stack/control";

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

export interface DashboardState {
  readonly owner: boolean;
  readonly status: StatusData | null;
  readonly contact: Contact;
  readonly nowMs: number;
  /** When the last snapshot came, for rates of counters. */
  readonly snapshotMs: number;
  readonly view: "services" | "logs";
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
  };
}
