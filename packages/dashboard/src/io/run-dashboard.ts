/**
 * The dashboard on a terminal, until a key, a signal or the end of the stack ends it. Whatever
 * happens, the terminal is as it was before: screen, cursor, modes.
 */
import { reportOf } from "@stack/base";
import type { ClientRequest, ControlClient } from "@stack/control";
import { decideKey, type KeyPress, type QuitChoice } from "../core/decide-key.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { type DashboardLogLine, initialState } from "../core/state.ts";
import { decideCapabilities } from "../core/theme.ts";
import { tableRows } from "../views/services.ts";
import { pollCache } from "./poll-cache.ts";
import { createStore, type Store } from "./store.ts";
import { type WatchedStack, watchStack } from "./watch-stack.ts";

export interface DashboardOptions {
  /** We own the stack: `q` asks whether to leave it or to stop it. */
  readonly owner: boolean;
  /** Ends the dashboard from outside, as "closed". */
  readonly signal: AbortSignal;
  readonly connect: () => Promise<ControlClient>;
  /** Calls back with earlier log lines, then with new ones until the signal aborts. */
  readonly readLogs: (onLine: (line: DashboardLogLine) => void, signal: AbortSignal) => void;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly color: boolean;
}

/** "gone": the stack has ended by itself; "closed": `signal`. */
export type DashboardEnd = QuitChoice | "gone" | "closed";

const tickMs = 500;
const feedbackMs = 5_000;
const failureMs = 15_000;

export async function runDashboard(options: DashboardOptions): Promise<DashboardEnd> {
  const store = createStore(initialState(options.owner, Date.now()));
  const end = Promise.withResolvers<DashboardEnd>();
  const over = new AbortController();
  const onAbort = (): void => end.resolve("closed");
  options.signal.addEventListener("abort", onAbort);
  if (options.signal.aborted) onAbort();

  using stack = watchStack(store, options.connect, () => end.resolve("gone"));
  followLogs(store, options, over.signal);
  using _cache = pollCache(store, stack.client);
  const timer = setInterval(() => store.dispatch({ type: "tick", nowMs: Date.now() }), tickMs);

  // Loaded here: every other command does without React and Ink.
  const { mountScreen } = await import("./mount-screen.tsx");
  const screen = mountScreen({
    store,
    capabilities: decideCapabilities(options.env, options.color),
    offsetMinutes: -new Date().getTimezoneOffset(),
    stdin: options.stdin,
    stdout: options.stdout,
    onKey: (key) => {
      press(key, store, stack, tableRows(options.stdout), end.resolve);
    },
    onFailure: end.reject,
  });
  try {
    return await end.promise;
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    clearInterval(timer);
    over.abort();
    await screen.unmount();
  }
}

function press(
  key: KeyPress,
  store: Store,
  stack: WatchedStack,
  page: number,
  quit: (choice: QuitChoice) => void,
): void {
  for (const effect of decideKey(store.state(), key, page)) {
    switch (effect.type) {
      case "dispatch":
        store.dispatch(effect.action);
        break;
      case "quit":
        quit(effect.choice);
        break;
      case "request":
        void carryOut(effect.key, effect.request, store, stack);
        break;
    }
  }
}

/** Shows the course of an action on its row; never throws. */
async function carryOut(
  key: string,
  request: ClientRequest,
  store: Store,
  stack: WatchedStack,
): Promise<void> {
  const tell = (text: string, tone: "good" | "warn" | "bad", forMs: number | null): void => {
    const untilMs = forMs === null ? null : Date.now() + forMs;
    store.dispatch({ type: "feedback", key, feedback: { text, tone, untilMs } });
  };
  const client = stack.client();
  if (client === undefined) {
    tell("stackd does not answer just now: try again", "bad", feedbackMs);
    return;
  }
  const startedMs = performance.now();
  const what = request.op === "cache" ? "purge" : request.op;
  tell(`${what} …`, "warn", null);
  try {
    await client.request(request);
    const took = ((performance.now() - startedMs) / 1000).toFixed(1);
    tell(`${what} done in ${took}s`, "good", feedbackMs);
  } catch (error) {
    const report = reportOf(error);
    const title = report.code === "E0001" ? "stackd was replaced meanwhile" : report.title;
    tell(`${what} failed: ${title}`, "bad", failureMs);
    store.dispatch({
      type: "event",
      event: {
        at: new Date().toISOString(),
        level: "error",
        source: key,
        text: `${what} failed: ${title}`,
      },
    });
  }
}

/** Lines arrive in bursts: they are handed over together, a few times a second. */
function followLogs(store: Store, options: DashboardOptions, signal: AbortSignal): void {
  let waiting: DashboardLogLine[] = [];
  let timer: NodeJS.Timeout | undefined;
  options.readLogs((line) => {
    waiting.push({ ...line, text: sanitizeLine(line.text) });
    timer ??= setTimeout(() => {
      timer = undefined;
      const lines = waiting;
      waiting = [];
      store.dispatch({ type: "logs", lines });
    }, 50);
  }, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
}
