/** What a key does: a pure decision from the state, carried out by `io/`. */
import { assertNever } from "@stack/base";
import type { ClientRequest } from "@stack/control";
import { cacheLines } from "./cache-lines.ts";
import { type DetailPlace, detailOf, placeIndex, placesOf } from "./detail.ts";
import { cacheKey, parsePurge } from "./parse-purge.ts";
import { rowsOf, type ServiceRow, selectedIndex } from "./rows.ts";
import type { DashboardAction, DashboardState, Dialog } from "./state.ts";

export interface KeyPress {
  /** The character, or "" for a key that has none. */
  readonly input: string;
  readonly name:
    | "up"
    | "down"
    | "left"
    | "right"
    | "pageUp"
    | "pageDown"
    | "enter"
    | "escape"
    | "backspace"
    | "tab"
    | null;
  readonly ctrl: boolean;
}

/** How the dashboard ends on a key: leave the stack alone, or stop it. */
export type QuitChoice = "detach" | "stop";

export type KeyEffect =
  | { readonly type: "dispatch"; readonly action: DashboardAction }
  /** Sends it, with its course shown on the row `key`. */
  | { readonly type: "request"; readonly key: string; readonly request: ClientRequest }
  | { readonly type: "quit"; readonly choice: QuitChoice };

/**
 * @param page how many lines a page is
 */
export function decideKey(
  state: DashboardState,
  key: KeyPress,
  page: number,
): readonly KeyEffect[] {
  if (key.ctrl) return key.input === "c" ? [quit(state.owner ? "stop" : "detach")] : [];
  if (state.dialog !== null) return decideInDialog(state.dialog, key);
  if (state.view === "logs" && state.logs.editing) return decideInFilter(state, key);
  switch (key.input) {
    case "?":
      return [dialog({ kind: "help" })];
    case "q":
      return state.owner ? [dialog({ kind: "quit" })] : [quit("detach")];
    case "1":
      return [dispatch({ type: "view", view: "services" })];
    case "4":
      return [dispatch({ type: "view", view: "cache" })];
    case "5":
      return [dispatch({ type: "view", view: "logs" })];
    default:
      return key.name === "tab" ? [nextView(state)] : decideInView(state, key, page);
  }
}

const tabOrder = ["services", "cache", "logs"] as const;

function nextView({ view }: DashboardState): KeyEffect {
  const place = tabOrder.findIndex((one) => one === (view === "detail" ? "services" : view));
  return dispatch({
    type: "view",
    view: tabOrder[(place + 1) % tabOrder.length] ?? "services",
  });
}

function decideInView(state: DashboardState, key: KeyPress, page: number): KeyEffect[] {
  switch (state.view) {
    case "services":
      return decideInServices(state, key, page);
    case "detail":
      return decideInDetail(state, key, page);
    case "cache":
      return decideInCache(state, key, page);
    case "logs":
      return decideInLogs(state, key, page);
    default:
      return assertNever(state.view);
  }
}

function decideInServices(state: DashboardState, key: KeyPress, page: number): KeyEffect[] {
  const rows = rowsOf(state, page);
  const index = selectedIndex(rows, state.selected);
  const row = rows[index];
  if (row === undefined) return [];
  const to = (place: number): KeyEffect[] => {
    const target = rows[Math.max(0, Math.min(rows.length - 1, place))];
    return target === undefined ? [] : [dispatch({ type: "select", key: target.key })];
  };
  const move = movement(key, page);
  if (move === "first") return to(0);
  if (move === "last") return to(rows.length - 1);
  if (move !== 0) return to(index + move);
  if (key.input === " ") return row.foldable ? [dispatch({ type: "fold", key: row.key })] : [];
  if (key.name === "enter") {
    const shown = row.kind === "canary" ? row.target : row.key;
    return [
      dispatch({ type: "select", key: shown }),
      dispatch({ type: "detail", at: null }),
      dispatch({ type: "view", view: "detail" }),
    ];
  }
  return decideOnRow(state, row, key);
}

/** What can be done with a service, in the list and in its detail. */
function decideOnRow(state: DashboardState, row: ServiceRow, key: KeyPress): KeyEffect[] {
  switch (key.input) {
    case "l":
      return [
        dispatch({
          type: "log-filter",
          filter: row.kind === "canary" ? row.target : row.key.replace(/@\d+$/, ""),
          editing: false,
        }),
        dispatch({ type: "view", view: "logs" }),
      ];
    case "r":
      return isService(row) ? [request(row, { op: "reload", names: [row.target] })] : [];
    case "R":
      return isService(row) ? [dialog(confirmRestart(state, row))] : [];
    case "s":
      return isService(row) && row.kind !== "edge" ? [dialog(confirmStop(state, row))] : [];
    case "S":
      return isService(row) ? [request(row, { op: "start", names: [row.target] })] : [];
    case "+":
    case "=":
      return scale(state, row, 1);
    case "-":
      return scale(state, row, -1);
    default:
      return [];
  }
}

function decideInDetail(state: DashboardState, key: KeyPress, page: number): KeyEffect[] {
  const back = dispatch({ type: "view", view: "services" });
  const detail = detailOf(state);
  if (key.name === "escape" || detail === null) return [back];
  const places = placesOf(detail.items);
  const index = placeIndex(places, state.detail.at);
  const to = (place: number): KeyEffect[] => {
    const target: DetailPlace | undefined = places[Math.max(0, Math.min(places.length - 1, place))];
    return target === undefined ? [] : [dispatch({ type: "detail", at: target })];
  };
  const move = movement(key, page);
  if (move === "first") return to(0);
  if (move === "last") return to(places.length - 1);
  if (move !== 0) return to(index + move);
  if (key.name === "enter" || key.input === " ") {
    const item = places[index]?.item;
    return item === undefined ? [] : [dispatch({ type: "detail-toggle", item })];
  }
  const row = rowsOf(state, page).find((one) => one.key === state.selected);
  return row === undefined ? [] : decideOnRow(state, row, key);
}

function decideInCache(state: DashboardState, key: KeyPress, page: number): KeyEffect[] {
  if (key.name === "escape") return [dispatch({ type: "view", view: "services" })];
  if (key.input === "p") return [dialog({ kind: "purge", typed: "", problem: "" })];
  const move = movement(key, page);
  if (move === 0) return [];
  const { scroll } = state.cache;
  const last = Math.max(0, cacheLines(state).length - 1);
  const to = move === "first" ? 0 : move === "last" ? last : scroll + move;
  return [dispatch({ type: "cache-scroll", to: Math.max(0, Math.min(last, to)) })];
}

function decideInLogs(state: DashboardState, key: KeyPress, page: number): KeyEffect[] {
  const move = movement(key, page);
  if (move === "first") return [dispatch({ type: "log-scroll", lines: -state.logs.lines.length })];
  if (move === "last") return [dispatch({ type: "log-follow", follow: true })];
  if (move !== 0) return [dispatch({ type: "log-scroll", lines: move })];
  switch (key.input) {
    case "f":
      return [dispatch({ type: "log-follow", follow: !state.logs.follow })];
    case "/":
      return [dispatch({ type: "log-filter", filter: state.logs.filter, editing: true })];
    default:
      if (key.name !== "escape") return [];
      return state.logs.filter === ""
        ? [dispatch({ type: "view", view: "services" })]
        : [dispatch({ type: "log-filter", filter: "", editing: false })];
  }
}

function decideInFilter(state: DashboardState, key: KeyPress): KeyEffect[] {
  const { filter } = state.logs;
  const set = (text: string, editing: boolean): KeyEffect[] => [
    dispatch({ type: "log-filter", filter: text, editing }),
  ];
  if (key.name === "enter") return set(filter, false);
  if (key.name === "escape") return set("", false);
  if (key.name === "backspace") return set(filter.slice(0, -1), true);
  return key.input === "" ? [] : set((filter + key.input).slice(0, 60), true);
}

function decideInDialog(open: Dialog, key: KeyPress): KeyEffect[] {
  const close = dialog(null);
  switch (open.kind) {
    case "help":
      return [close];
    case "quit":
      if (key.input === "d") return [close, quit("detach")];
      if (key.input === "s") return [close, quit("stop")];
      return key.name === "escape" || key.input === "q" ? [close] : [];
    case "purge":
      return decideInPurge(open, key);
    case "confirm": {
      if (key.name === "escape") return [close];
      const go: KeyEffect[] = [
        close,
        { type: "request", key: targetOf(open.request), request: open.request },
      ];
      if (open.name === null) return key.input === "y" ? go : key.input === "n" ? [close] : [];
      if (key.name === "enter") return open.typed === open.name ? go : [];
      const typed =
        key.name === "backspace" ? open.typed.slice(0, -1) : (open.typed + key.input).slice(0, 40);
      return typed === open.typed ? [] : [dialog({ ...open, typed })];
    }
  }
}

/** What is purged is named in full, which is question enough; everything by "all". */
function decideInPurge(open: Extract<Dialog, { kind: "purge" }>, key: KeyPress): KeyEffect[] {
  if (key.name === "escape") return [dialog(null)];
  if (key.name === "enter") {
    const order = parsePurge(open.typed);
    if (typeof order === "string") return [dialog({ ...open, problem: order })];
    return [dialog(null), { type: "request", key: cacheKey, request: { op: "cache", order } }];
  }
  const typed = key.name === "backspace" ? open.typed.slice(0, -1) : open.typed + key.input;
  return typed === open.typed
    ? []
    : [dialog({ kind: "purge", typed: typed.slice(0, 300), problem: "" })];
}

/** The row that shows the course of a request. */
function targetOf(asked: ClientRequest): string {
  if ("names" in asked) return asked.names[0] ?? "";
  return "name" in asked ? asked.name : "";
}

// ── what is asked before requests are lost ──────────────────────────────────────────────────────

function confirmRestart(state: DashboardState, row: ServiceRow): Dialog {
  const app = state.status?.apps.find(({ name }) => name === row.target);
  return {
    kind: "confirm",
    request: { op: "restart", names: [row.target] },
    title: `Restart "${row.target}"?`,
    text:
      app === undefined
        ? [`${row.target} is stopped and started again.`]
        : [
            `${app.desired} workers stop and start again; ${inFlightText(app.inFlight)}.`,
            "Meanwhile its requests wait, or get 503. `r` reloads and loses none.",
          ],
    shell: `stack restart ${row.target}`,
    name: null,
    typed: "",
  };
}

function confirmStop(state: DashboardState, row: ServiceRow): Dialog {
  const app = state.status?.apps.find(({ name }) => name === row.target);
  return {
    kind: "confirm",
    request: { op: "stop", names: [row.target] },
    title: `Stop "${row.target}"?`,
    text:
      app === undefined
        ? [`${row.target} is stopped until it is started again.`]
        : [
            `${app.desired} workers drain and stop; ${inFlightText(app.inFlight)}.`,
            "The routes that need it answer 503 until it is started again.",
          ],
    shell: `stack stop ${row.target}`,
    // Taking a route down wants more than one key.
    name: app === undefined ? null : row.target,
    typed: "",
  };
}

function inFlightText(inFlight: number): string {
  return inFlight === 1 ? "1 request is in flight" : `${inFlight} requests are in flight`;
}

/** Up at once, down after a question: it drains a worker of each instance. */
function scale(state: DashboardState, row: ServiceRow, by: 1 | -1): KeyEffect[] {
  const app = state.status?.apps.find(({ name }) => name === row.target);
  if (app === undefined) return [];
  const instances = new Set(app.workers.map((worker) => worker.instance)).size;
  const each = app.kind === "command" ? app.desired : app.desired / Math.max(1, instances);
  const workers = Math.round(each) + by;
  if (workers < 1) return [];
  const scaled: ClientRequest = { op: "scale", name: app.name, workers };
  if (by > 0) return [request(row, scaled)];
  return [
    dialog({
      kind: "confirm",
      request: scaled,
      title: `Scale "${app.name}" down to ${workers}?`,
      text: [`A worker of each instance drains and stops; ${inFlightText(app.inFlight)}.`],
      shell: `stack scale ${app.name}=${workers}`,
      name: null,
      typed: "",
    }),
  ];
}

/** What can be acted on; keeper and stackd look after themselves. */
function isService(row: ServiceRow): boolean {
  return row.kind !== "own";
}

function movement(key: KeyPress, page: number): number | "first" | "last" {
  switch (key.name) {
    case "up":
      return -1;
    case "down":
      return 1;
    case "pageUp":
      return -page;
    case "pageDown":
      return page;
    default:
      break;
  }
  if (key.input === "k") return -1;
  if (key.input === "j") return 1;
  if (key.input === "g") return "first";
  return key.input === "G" ? "last" : 0;
}

function dispatch(action: DashboardAction): KeyEffect {
  return { type: "dispatch", action };
}

function dialog(open: Dialog | null): KeyEffect {
  return { type: "dispatch", action: { type: "dialog", dialog: open } };
}

function request(row: ServiceRow, asked: ClientRequest): KeyEffect {
  return { type: "request", key: row.target, request: asked };
}

function quit(choice: QuitChoice): KeyEffect {
  return { type: "quit", choice };
}
