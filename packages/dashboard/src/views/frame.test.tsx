import { shopStatusMs as nowMs, shopStatus } from "@stack/testkit";
import { renderToString } from "ink";
import { expect, test } from "vitest";
import { decideKey } from "../core/decide-key.ts";
import { reduce } from "../core/reduce.ts";
import { type DashboardAction, type DashboardState, initialState } from "../core/state.ts";
import { displayWidth } from "../core/width.ts";
import { Frame } from "./frame.tsx";

const sizes = ["140x40", "80x24", "60x20", "40x12"] as const;

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
});

test("before the first snapshot there is a screen too", () => {
  expect(frame(initialState(false, nowMs), "80x24")).toContain("connecting");
});
