import type { ErrorReport } from "@stack/base";
import type { CacheStats } from "@stack/control";
import { shopStatusMs as nowMs, shopStatus } from "@stack/testkit";
import { renderToString } from "ink";
import { expect, test } from "vitest";
import { shopCache } from "../../test/fixtures/shop-cache.ts";
import { decideKey } from "../core/decide-key.ts";
import { reduce } from "../core/reduce.ts";
import { type DashboardAction, type DashboardState, initialState } from "../core/state.ts";
import { displayWidth } from "../core/width.ts";
import { Frame } from "./frame.tsx";

const sizes = ["140x40", "110x34", "80x24", "60x20", "40x12"] as const;

function stateAfter(...actions: readonly DashboardAction[]): DashboardState {
  const start = reduce(initialState(true, nowMs), { type: "snapshot", status: shopStatus, nowMs });
  return actions.reduce(reduce, start);
}

function frame(state: DashboardState, size: (typeof sizes)[number], unicode = true): string {
  const [columns = 80, rows = 24] = size.split("x").map(Number);
  const screen = {
    columns,
    rows,
    capabilities: { unicode, color: "none" },
    offsetMinutes: 0,
  } as const;
  const text = renderToString(<Frame state={state} screen={screen} />, { columns });
  const lines = text.split("\n");
  expect(lines.length).toBeLessThan(rows);
  for (const line of lines) expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
  return text;
}

/** The screen after keys, each a letter. */
function pressed(state: DashboardState, keys: string): DashboardState {
  let current = state;
  for (const input of keys) {
    for (const effect of decideKey(current, { input, name: null, ctrl: false }, 20)) {
      if (effect.type === "dispatch") current = reduce(current, effect.action);
    }
  }
  return current;
}

function entered(state: DashboardState): DashboardState {
  const effects = decideKey(state, { input: "", name: "enter", ctrl: false }, 20);
  return effects.reduce(
    (after, effect) => (effect.type === "dispatch" ? reduce(after, effect.action) : after),
    state,
  );
}

const logs: DashboardAction = {
  type: "logs",
  lines: Array.from({ length: 60 }, (_, index) => ({
    at: `2026-11-22T12:03:${String(index).padStart(2, "0")}.123Z`,
    source: ["shop-1.1", "shop-2.1", "api-1.1", "mailer"][index % 4] ?? "",
    stream: "out" as const,
    text:
      index % 4 === 3
        ? "SMTPConnectError: refused 10.0.0.9:25"
        : `GET /cart?page=${index} 200 12ms 日本語`,
  })),
};
const crash: DashboardAction = {
  type: "event",
  event: {
    at: "2026-11-22T12:04:07.001Z",
    level: "error",
    source: "mailer",
    text: "exit 1; gave up",
  },
};

test.for(sizes)("the services at %s", (size) => {
  expect(frame(stateAfter(), size)).toMatchSnapshot();
});

test.for(sizes)("the logs at %s", (size) => {
  expect(frame(pressed(stateAfter(logs, crash), "5"), size)).toMatchSnapshot();
});

const cacheSeen: readonly DashboardAction[] = [
  { type: "cache", answer: { kind: "stats", stats: shopCache }, nowMs: nowMs - 1_000 },
  { type: "cache", answer: { kind: "stats", stats: withHits(shopCache, 80, 20) }, nowMs },
];

/** A second later, with so many more hits and misses. */
function withHits(stats: CacheStats, hits: number, misses: number): CacheStats {
  const [first, ...others] = stats.routes;
  if (first === undefined) return stats;
  const more = [
    { result: "hit", reason: "", count: hits },
    { result: "miss", reason: "request", count: misses },
  ];
  return { ...stats, routes: [{ ...first, results: [...first.results, ...more] }, ...others] };
}

test.for(sizes)("the cache at %s", (size) => {
  expect(frame(pressed(stateAfter(...cacheSeen), "4"), size)).toMatchSnapshot();
});

test.for(sizes)("what to purge is asked at %s", (size) => {
  expect(frame(pressed(stateAfter(...cacheSeen), "4ptag new"), size)).toMatchSnapshot();
});

test("the course of a purge is on the view", () => {
  const feedback = { text: "purge done in 0.1s", tone: "good", untilMs: null } as const;
  const state = stateAfter(...cacheSeen, { type: "feedback", key: "cache", feedback });
  expect(frame(pressed(state, "4"), "80x24")).toContain("purge done in 0.1s");
});

test("before the edge has answered, and where no route has a cache, the view says so", () => {
  expect(frame(pressed(stateAfter(), "4"), "80x24")).toContain("asking the edge");
  const none = stateAfter({ type: "cache", answer: { kind: "none" }, nowMs });
  expect(frame(pressed(none, "4"), "80x24")).toContain("No route keeps answers");
});

const traceback: DashboardAction = {
  type: "logs",
  lines: [
    "Traceback (most recent call last):",
    '  File "/srv/shop/shop/views.py", line 41, in cart',
    '    quantity = int(request.args["n"])',
    "ValueError: invalid literal for int() with base 10: 'many'",
  ].flatMap((text) =>
    ["shop-1.1", "shop-1.2"].map((source) => ({
      at: "2026-11-22T12:04:29.000Z",
      source,
      stream: "err" as const,
      text,
    })),
  ),
};

/** Enter on the row of a service. */
function opened(key: string, ...actions: readonly DashboardAction[]): DashboardState {
  return stateAfter(...actions, { type: "select", key }, { type: "view", view: "detail" });
}

test.for(sizes)("a program that has crashed, with the end of its stderr, at %s", (size) => {
  expect(frame(opened("mailer"), size)).toMatchSnapshot();
});

test.for(sizes)("an app with exceptions and exits at %s", (size) => {
  expect(frame(opened("shop", traceback), size)).toMatchSnapshot();
});

test("Enter opens the traceback under the cursor, and closes it", () => {
  const list = opened("shop", traceback);
  expect(frame(list, "80x24")).toContain("x2 ValueError: invalid literal");
  expect(frame(list, "80x24")).not.toContain("in cart\n");
  const open = entered(list);
  expect(frame(open, "80x24")).toContain('int(request.args["n"])');
  expect(frame(entered(pressed(open, "jj")), "80x24")).not.toContain("request.args");
});

test("why an app does not serve is the first thing its detail says", () => {
  const [shop, ...others] = shopStatus.apps;
  if (shop === undefined) throw new Error("the fixture has two apps");
  const error: ErrorReport = {
    code: "E3002",
    exit: 5,
    title: "shop: its module fails while it is imported",
    facts: ["ModuleNotFoundError: No module named 'PIL'"],
    fixes: ["pip install pillow"],
  };
  const status = {
    ...shopStatus,
    apps: [{ ...shop, state: "crashed" as const, error }, ...others],
  };
  const text = frame(opened("shop", { type: "snapshot", status, nowMs: nowMs + 1 }), "80x24");
  expect(text).toMatch(/WHY IT FAILS\n.*E3002 {2}shop: its module fails/);
  expect(text).toContain("No module named 'PIL'");
  expect(text).toContain("Fix   pip install pillow");
});

test("of a worker that crashes again and again the last words are open below the error", () => {
  const [shop, ...others] = shopStatus.apps;
  if (shop === undefined) throw new Error("the fixture has two apps");
  const error: ErrorReport = {
    code: "E3101",
    exit: 5,
    title: "shop: shop-2.2 ended 6 times in 9s",
    facts: ["exit 1, each time soon after its start"],
    fixes: [],
  };
  const status = {
    ...shopStatus,
    apps: [{ ...shop, state: "crashed" as const, error }, ...others],
  };
  const text = frame(opened("shop", { type: "snapshot", status, nowMs: nowMs + 1 }), "80x24");
  expect(text).toMatch(/E3101[\s\S]*LAST EXITS\n.*exit 1\n.*│ ModuleNotFoundError/);
});

test.for(sizes)("a canary beside the old code at %s", (size) => {
  const [shop, ...others] = shopStatus.apps;
  if (shop === undefined) throw new Error("the fixture has two apps");
  const canary = {
    release: "r42",
    share: 0.1,
    elapsedMs: 20_000,
    wanted: 100,
    timeMs: 60_000,
    deadlineMs: 900_000,
    old: { requests: 553, errors: 1, p95Ms: 41 },
    new: { requests: 61, errors: 0, p95Ms: 38.4 },
  };
  const status = { ...shopStatus, apps: [{ ...shop, canary }, ...others] };
  expect(frame(stateAfter({ type: "snapshot", status, nowMs: nowMs + 1 }), size)).toMatchSnapshot();
});

test.for(sizes)("the question before an app is stopped at %s", (size) => {
  const asked = pressed(stateAfter({ type: "select", key: "shop" }), "sshop");
  expect(frame(asked, size)).toMatchSnapshot();
});

test.for(sizes)("help at %s", (size) => {
  expect(frame(pressed(stateAfter(), "?"), size)).toMatchSnapshot();
});

test("an owner who quits is asked", () => {
  expect(frame(pressed(stateAfter(), "q"), "80x24")).toMatchSnapshot();
});

test("what stackd last said stays on the screen while it is being replaced", () => {
  const lost = stateAfter({ type: "lost", nowMs }, { type: "tick", nowMs: nowMs + 3_400 });
  expect(frame(lost, "80x24")).toMatchSnapshot();
});

test("the course of an action is on its row", () => {
  const feedback = { text: "reload …", tone: "warn", untilMs: null } as const;
  const text = frame(stateAfter({ type: "feedback", key: "shop", feedback }), "80x24");
  expect(text).toMatch(/shop \(wsgi\) +▲ degraded {2}reload …/);
});

test("logs that were scrolled up say how much is below", () => {
  expect(frame(pressed(stateAfter(logs), "5kkk"), "80x24")).toContain("[3 below]");
});

test("without UTF-8 the screen is ASCII", () => {
  expect(frame(stateAfter(), "80x24", false)).toMatch(/^[ -~\n]*$/);
  expect(frame(pressed(stateAfter(...cacheSeen), "4"), "80x24", false)).toMatch(/^[ -~\n]*$/);
  expect(frame(entered(opened("shop", traceback)), "80x24", false)).toMatch(/^[ -~\n]*$/);
});

test("before the first snapshot there is a screen too", () => {
  expect(frame(initialState(false, nowMs), "80x24")).toContain("connecting");
});
