import type { StackEvent } from "@stack/control";
import { shopStatusMs as nowMs, shopStatus } from "@stack/testkit";
import { expect, test } from "vitest";
import { shopCache } from "../../test/fixtures/shop-cache.ts";
import { exceptionsOf } from "./exceptions.ts";
import { reduce } from "./reduce.ts";
import { type DashboardAction, type DashboardState, initialState } from "./state.ts";

const { events } = shopStatus;

function after(...actions: readonly DashboardAction[]): DashboardState {
  return actions.reduce(reduce, initialState(false, nowMs));
}

const snapshot = { type: "snapshot", status: shopStatus, nowMs } as const;
const line = (text: string, source = "shop-1.1") =>
  ({ at: "2026-11-22T12:04:00.000Z", source, stream: "out", text }) as const;
const exit: StackEvent = {
  at: "2026-11-22T12:05:00.000Z",
  level: "error",
  source: "shop-1.1",
  text: "exit 1",
};

test("a snapshot is the status, its events, and contact", () => {
  const state = after(snapshot);
  expect(state.status).toBe(shopStatus);
  expect(state.contact).toEqual({ kind: "live" });
  expect(state.events).toEqual(events);
});

test("lost contact keeps the time of its beginning, and ends with the next snapshot", () => {
  const lost = after(
    snapshot,
    { type: "lost", nowMs: nowMs + 1000 },
    { type: "lost", nowMs: nowMs + 2000 },
  );
  expect(lost.contact).toEqual({ kind: "lost", sinceMs: nowMs + 1000 });
  expect(lost.status).toBe(shopStatus);
  expect(reduce(lost, { ...snapshot, nowMs: nowMs + 3000 }).contact).toEqual({ kind: "live" });
});

test("a worker's rate is the difference of its counter; a replaced worker counts from zero", () => {
  const [shop, api] = shopStatus.apps;
  if (shop === undefined || api === undefined) throw new Error("the fixture has two apps");
  const workers = shop.workers.map((worker, index) =>
    index === 0
      ? { ...worker, requests: worker.requests + 200 }
      : { ...worker, pid: 5000 + index, requests: 50 },
  );
  const later = { ...shopStatus, apps: [{ ...shop, workers }, api] };
  const state = after(snapshot, { type: "snapshot", status: later, nowMs: nowMs + 2000 });
  expect(state.workerRates.get("shop-1.1@3")).toBe(100);
  expect(state.workerRates.get("shop-1.2@3")).toBe(25);
});

test("two snapshots within a blink make no rate and no sample", () => {
  const state = after(snapshot, { ...snapshot, nowMs: nowMs + 20 });
  expect(state.workerRates.size).toBe(0);
  expect(state.rateHistory).toEqual([842]);
});

test("an event is shown once, though it comes again within the next snapshot", () => {
  const withEvent = { ...shopStatus, events: [...events, exit] };
  const state = after(
    snapshot,
    { type: "event", event: exit },
    { type: "event", event: exit },
    { type: "snapshot", status: withEvent, nowMs: nowMs + 1000 },
  );
  expect(state.events.filter(({ at }) => at === exit.at)).toHaveLength(1);
  expect(state.logs.lines.filter(({ mark }) => mark === "error")).toHaveLength(1);
});

test("an event that only a snapshot told of is a line across the log too", () => {
  const withEvent = { ...shopStatus, events: [...events, exit] };
  const state = after(snapshot, { type: "snapshot", status: withEvent, nowMs: nowMs + 1000 });
  expect(state.logs.lines).toMatchObject([{ text: "exit 1", mark: "error" }]);
});

test("scrolling up stops following, what is shown stays while lines arrive, G follows again", () => {
  const full = after({ type: "logs", lines: [line("1"), line("2"), line("3")] });
  const up = reduce(full, { type: "log-scroll", lines: -1 });
  expect(up.logs).toMatchObject({ follow: false, below: 1 });
  const more = reduce(up, { type: "logs", lines: [line("4"), line("5")] });
  expect(more.logs).toMatchObject({ follow: false, below: 3 });
  const down = reduce(more, { type: "log-scroll", lines: 3 });
  expect(down.logs).toMatchObject({ follow: true, below: 0 });
  expect(reduce(up, { type: "log-follow", follow: true }).logs).toMatchObject({
    follow: true,
    below: 0,
  });
});

test("lines that the filter hides do not move what is shown", () => {
  const state = after(
    { type: "logs", lines: [line("error 1"), line("error 2"), line("fine")] },
    { type: "log-filter", filter: "error", editing: false },
    { type: "log-scroll", lines: -1 },
    { type: "logs", lines: [line("fine"), line("error 3")] },
  );
  expect(state.logs.below).toBe(2);
});

test("the log holds 10,000 lines", () => {
  const lines = Array.from({ length: 10_500 }, (_, index) => line(String(index)));
  const state = after({ type: "logs", lines });
  expect(state.logs.lines).toHaveLength(10_000);
  expect(state.logs.lines.at(-1)?.text).toBe("10499");
});

test("the course of an action goes away when its time is over", () => {
  const state = after({
    type: "feedback",
    key: "shop",
    feedback: { text: "reload done", tone: "good", untilMs: nowMs + 5000 },
  });
  expect(reduce(state, { type: "tick", nowMs: nowMs + 4999 }).feedback.size).toBe(1);
  expect(reduce(state, { type: "tick", nowMs: nowMs + 5000 }).feedback.size).toBe(0);
});

test("the share of hits is of the requests between two answers; a new edge begins anew", () => {
  const answer = (hits: number, misses: number): DashboardAction => ({
    type: "cache",
    answer: {
      kind: "stats",
      stats: {
        ...shopCache,
        routes: [
          {
            route: "/*",
            results: [
              { result: "hit", reason: "", count: hits },
              { result: "miss", reason: "unknown", count: misses },
            ],
          },
        ],
      },
    },
    nowMs,
  });
  const state = after(answer(900, 100), answer(930, 110), answer(930, 110), answer(1, 1));
  expect(state.cache.hitHistory).toEqual([0.75]);
  expect(after(answer(900, 100), answer(930, 110), answer(1, 1), answer(1, 2)).cache).toMatchObject(
    { hitHistory: [0.75, 0] },
  );
});

test("exceptions are found in the log lines as they come", () => {
  const trace = ["Traceback (most recent call last):", '  File "a.py", line 1, in f', "E: no"];
  const state = after({ type: "logs", lines: trace.map((text) => line(text)) });
  expect(exceptionsOf(state.exceptions, "shop")).toMatchObject([{ type: "E", count: 1 }]);
});
