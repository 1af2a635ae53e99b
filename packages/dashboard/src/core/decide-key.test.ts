import { shopStatusMs as nowMs, shopStatus } from "@stack/testkit";
import { expect, test } from "vitest";
import { shopCache } from "../../test/fixtures/shop-cache.ts";
import { decideKey, type KeyEffect, type KeyPress } from "./decide-key.ts";
import { reduce } from "./reduce.ts";
import { type DashboardState, initialState } from "./state.ts";

const page = 30;

function press(text: string, name: KeyPress["name"] = null): KeyPress {
  return { input: text, name, ctrl: false };
}

/** Presses keys one after the other; returns the state and what is left for I/O to do. */
function type(start: DashboardState, ...keys: readonly KeyPress[]) {
  let state = start;
  const effects: KeyEffect[] = [];
  for (const key of keys) {
    for (const effect of decideKey(state, key, page)) {
      if (effect.type === "dispatch") state = reduce(state, effect.action);
      else effects.push(effect);
    }
  }
  return { state, effects };
}

function shown(owner = false): DashboardState {
  return reduce(initialState(owner, nowMs), { type: "snapshot", status: shopStatus, nowMs });
}

function at(key: string, owner = false): DashboardState {
  return reduce(shown(owner), { type: "select", key });
}

test("q leaves a stack of others at once, and asks whoever owns it", () => {
  expect(type(shown(), press("q")).effects).toEqual([{ type: "quit", choice: "detach" }]);
  const asked = type(shown(true), press("q"));
  expect(asked.effects).toEqual([]);
  expect(asked.state.dialog).toEqual({ kind: "quit" });
  expect(type(asked.state, press("d")).effects).toEqual([{ type: "quit", choice: "detach" }]);
  expect(type(asked.state, press("s")).effects).toEqual([{ type: "quit", choice: "stop" }]);
  expect(type(asked.state, press("", "escape")).state.dialog).toBeNull();
});

test("Ctrl-C stops what we own, and leaves what we do not", () => {
  const interrupt: KeyPress = { input: "c", name: null, ctrl: true };
  expect(type(shown(true), interrupt).effects).toEqual([{ type: "quit", choice: "stop" }]);
  expect(type(shown(), interrupt).effects).toEqual([{ type: "quit", choice: "detach" }]);
});

test("r reloads the app of the row at once", () => {
  expect(type(at("shop-1.2"), press("r")).effects).toEqual([
    { type: "request", key: "shop", request: { op: "reload", names: ["shop"] } },
  ]);
});

test("R restarts only after y, and says how many requests are in flight", () => {
  const asked = type(at("shop"), press("R"));
  expect(asked.effects).toEqual([]);
  expect(asked.state.dialog).toMatchObject({ kind: "confirm", shell: "stack restart shop" });
  expect(JSON.stringify(asked.state.dialog)).toContain("9 requests are in flight");
  expect(type(asked.state, press("n")).effects).toEqual([]);
  expect(type(asked.state, press("y")).effects).toEqual([
    { type: "request", key: "shop", request: { op: "restart", names: ["shop"] } },
  ]);
});

test("s takes a route down only when its name was typed", () => {
  const asked = type(at("shop"), press("s"));
  const wrong = type(asked.state, press("s"), press("h"), press("x"), press("", "enter"));
  expect(wrong.effects).toEqual([]);
  const right = type(
    wrong.state,
    press("", "backspace"),
    press("o"),
    press("p"),
    press("", "enter"),
  );
  expect(right.effects).toEqual([
    { type: "request", key: "shop", request: { op: "stop", names: ["shop"] } },
  ]);
  expect(right.state.dialog).toBeNull();
});

test("s stops a program, which no route needs, after y", () => {
  expect(type(at("mailer"), press("s"), press("y")).effects).toEqual([
    { type: "request", key: "mailer", request: { op: "stop", names: ["mailer"] } },
  ]);
});

test("+ adds a worker per instance at once, - takes one away after y", () => {
  expect(type(at("shop"), press("+")).effects).toEqual([
    { type: "request", key: "shop", request: { op: "scale", name: "shop", workers: 3 } },
  ]);
  const asked = type(at("shop"), press("-"));
  expect(asked.effects).toEqual([]);
  expect(type(asked.state, press("y")).effects).toEqual([
    { type: "request", key: "shop", request: { op: "scale", name: "shop", workers: 1 } },
  ]);
});

test.for(["keeper", "stackd"])("%s takes no action", (name) => {
  for (const key of ["r", "R", "s", "S", "+", "-"]) {
    const { state, effects } = type(at(name), press(key));
    expect([effects, state.dialog]).toEqual([[], null]);
  }
});

test("the cursor stops at both ends", () => {
  expect(type(shown(), press("k")).state.selected).toBe("edge");
  expect(type(shown(), press("G"), press("j")).state.selected).toBe("stackd");
  expect(type(shown(), press("", "down")).state.selected).toBe("shop");
});

test("4 shows the cache, Tab goes round, Esc comes back", () => {
  expect(type(shown(), press("4")).state.view).toBe("cache");
  const tab = press("", "tab");
  const views = [1, 2, 3].map((times) => type(shown(), ...Array(times).fill(tab)).state.view);
  expect(views).toEqual(["cache", "logs", "services"]);
  expect(type(shown(), press("4"), press("", "escape")).state.view).toBe("services");
});

test("p purges what was typed, and says what it does not understand", () => {
  const keys = (text: string): KeyPress[] => [...text].map((one) => press(one));
  const enter = press("", "enter");
  const asked = type(shown(), press("4"), press("p"), ...keys("tag news"), enter);
  expect(asked.state.dialog).toBeNull();
  expect(asked.effects).toEqual([
    {
      type: "request",
      key: "cache",
      request: {
        op: "cache",
        order: { kind: "purge", targets: [{ kind: "tag", tag: "news" }], soft: false },
      },
    },
  ]);
  const wrong = type(shown(), press("4"), press("p"), ...keys("everythin"), enter);
  expect(wrong.effects).toEqual([]);
  expect(wrong.state.dialog).toMatchObject({
    kind: "purge",
    problem: expect.stringContaining("begin with"),
  });
  expect(type(wrong.state, press("", "escape")).state.dialog).toBeNull();
});

test("the list of the cache scrolls no further than its end", () => {
  const known = reduce(shown(), {
    type: "cache",
    answer: { kind: "stats", stats: shopCache },
    nowMs,
  });
  const at = (...keys: string[]): number =>
    type(known, press("4"), ...keys.map((key) => press(key))).state.cache.scroll;
  expect([at("j", "j"), at("j", "k", "k"), at("G"), at("G", "j"), at("G", "g")]).toEqual([
    2, 0, 6, 6, 0,
  ]);
});

test("Enter opens the service of the row, with keys of its own and those of the row", () => {
  const enter = press("", "enter");
  const opened = type(at("mailer"), enter).state;
  expect([opened.view, opened.selected]).toEqual(["detail", "mailer"]);
  // Its one exit is open, since it has crashed: its title, then a line.
  const down = type(opened, press("j"), press("j")).state;
  expect(down.detail.at).toMatchObject({ line: 1 });
  const closed = type(down, enter).state;
  expect(closed.detail.at).toMatchObject({ line: 0 });
  expect(type(closed, press("j")).state.detail.at).toMatchObject({ line: 0 });
  expect(type(opened, press("R"), press("y")).effects).toEqual([
    { type: "request", key: "mailer", request: { op: "restart", names: ["mailer"] } },
  ]);
  expect(type(opened, press("", "escape")).state.view).toBe("services");
});

test("the detail of a service that goes away goes back", () => {
  const opened = type(at("mailer"), press("", "enter")).state;
  const gone = reduce(opened, {
    type: "snapshot",
    status: { ...shopStatus, processes: [] },
    nowMs: nowMs + 1_000,
  });
  expect(type(gone, press("j")).state.view).toBe("services");
});

test("while two generations have a worker of one name, each has a row", () => {
  const [shop, ...others] = shopStatus.apps;
  const [worker] = shop?.workers ?? [];
  if (shop === undefined || worker === undefined) throw new Error("the fixture has two apps");
  const workers = [worker, { ...worker, pid: 5000, generation: 4 }];
  const status = { ...shopStatus, apps: [{ ...shop, workers }, ...others] };
  const both = reduce(at("shop-1"), { type: "snapshot", status, nowMs: nowMs + 1_000 });
  const below = [1, 2].map((times) => type(both, ...Array(times).fill(press("j"))).state);
  expect(below.map(({ selected }) => selected)).toEqual(["shop-1.1@3", "shop-1.1@4"]);
  const logs = type(below[1] ?? both, press("l")).state;
  expect(logs.logs.filter).toBe("shop-1.1");
});

test("Space hides the workers of a row, and shows them", () => {
  const folded = type(at("shop"), press(" ")).state;
  expect([...folded.folded]).toEqual(["shop"]);
  expect(type(folded, press(" ")).state.folded.size).toBe(0);
});

test("l shows the logs of the row, Esc clears the filter, then goes back", () => {
  const logs = type(at("shop-1.2"), press("l")).state;
  expect([logs.view, logs.logs.filter]).toEqual(["logs", "shop-1.2"]);
  const cleared = type(logs, press("", "escape")).state;
  expect([cleared.view, cleared.logs.filter]).toEqual(["logs", ""]);
  expect(type(cleared, press("", "escape")).state.view).toBe("services");
});

test("while a filter is typed, keys are letters", () => {
  const typed = type(shown(), press("5"), press("/"), press("q"), press("1"), press("", "enter"));
  expect(typed.effects).toEqual([]);
  expect(typed.state.logs).toMatchObject({ filter: "q1", editing: false });
});
