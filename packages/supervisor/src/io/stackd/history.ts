/** What has happened to each service: exits, restarts, and the events operators see. */
import type { ErrorReport, Logger } from "@stack/base";
import type { InstanceState, LastExit, StackEvent } from "@stack/control";
import type { ProcessState } from "@stack/process";
import { addExit, type ExitHistory } from "../../core/exit-history.ts";
import type { Memory } from "../../core/memory.ts";
import { withLastWords } from "./worker-exits.ts";

export interface History {
  readonly exits: () => ExitHistory;
  readonly events: () => readonly StackEvent[];
  readonly restarts: ReadonlyMap<string, number>;
  readonly note: (level: StackEvent["level"], source: string, text: string) => void;
  readonly recordExit: (name: string, exit: LastExit) => void;
  /** The same of a worker, whose arbiter has logged it. */
  readonly recordWorkerExit: (id: string, exit: LastExit) => void;
  /** What it wrote last, known a little later. */
  readonly addLastWords: (id: string, at: string, lines: readonly string[]) => void;
  readonly countRestart: (name: string) => void;
  /** Notes the changes of a service's lifecycle that are worth an event. */
  readonly describe: (name: string, state: ProcessState, before: ProcessState) => void;
  /** Notes what an arbiter said of its instance. */
  readonly announce: (name: string, view: InstanceState, before: InstanceState | null) => void;
}

const keptEvents = 50;

/**
 * @param onEvent called with each event
 * @param remember called after what a successor has to know
 */
export function createHistory(
  memory: Memory | undefined,
  log: Logger,
  onEvent: (event: StackEvent) => void,
  remember: () => void,
): History {
  let exits: ExitHistory = memory?.exits ?? {};
  let events: readonly StackEvent[] = memory?.events ?? [];
  const restarts = new Map(Object.entries(memory?.restarts ?? {}));

  function note(level: StackEvent["level"], source: string, text: string): void {
    const event: StackEvent = { at: new Date().toISOString(), level, source, text };
    events = [...events, event].slice(-keptEvents);
    log[level](`${source}: ${text}`);
    onEvent(event);
  }

  return {
    exits: () => exits,
    events: () => events,
    restarts,
    note,
    recordExit(name, exit) {
      exits = addExit(exits, name, exit);
      const isCalm = exit.code === 0 || !/^(?:exit|killed|cannot)/.test(exit.reason);
      note(isCalm ? "info" : "warn", name, exit.reason);
      remember();
    },
    recordWorkerExit(id, exit) {
      exits = addExit(exits, id, exit);
      remember();
    },
    addLastWords(id, at, lines) {
      const known = exits[id] ?? [];
      const told = known.map((exit) => (exit.at === at ? withLastWords(exit, lines) : exit));
      exits = { ...exits, [id]: told };
    },
    countRestart(name) {
      restarts.set(name, (restarts.get(name) ?? 0) + 1);
      remember();
    },
    describe(name, state, before) {
      if (state.name === "running" && before.name !== "running") note("info", name, "ready");
      if (state.name === "stopped") note("info", name, "stopped");
      if (state.name === "failed") {
        note("error", name, `gave up after ${state.failures} failures in a row`);
      }
    },
    announce(name, view, before) {
      if (view.state !== before?.state) note(levelOf(view), name, describeView(view));
    },
  };
}

function levelOf({ state }: InstanceState): StackEvent["level"] {
  if (state === "crashed") return "error";
  return state === "degraded" ? "warn" : "info";
}

function describeView({ state, error }: { state: string; error: ErrorReport | null }): string {
  return error === null ? state : `${state}: ${error.title}`;
}
