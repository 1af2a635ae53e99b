import fc from "fast-check";
import { expect, test } from "vitest";
import { type ProcessEvent, type ProcessState, type RestartPolicy, step } from "./lifecycle.ts";

const policy: RestartPolicy = {
  restart: "always",
  maxFailures: 2,
  backoff: { firstMs: 100, maxMs: 150 },
  readiness: { kind: "told", timeoutMs: 1_000 },
  stableAfterMs: 5_000,
  graceMs: 500,
  retryAfterMs: 60_000,
};
const onFailure: RestartPolicy = { ...policy, restart: "on-failure" };
const never: RestartPolicy = { ...policy, restart: "never" };
const alive: RestartPolicy = { ...policy, readiness: { kind: "alive", afterMs: 1_000 } };
const last = { code: 1, signal: null };
const crash: ProcessEvent = { type: "exited", status: last };
const done: ProcessEvent = { type: "exited", status: { code: 0, signal: null } };
const running: ProcessState = { name: "running", failures: 0 };

test.for<
  [title: string, policy: RestartPolicy, from: ProcessState, event: ProcessEvent, to: string]
>([
  [
    "start launches a stopped process",
    policy,
    { name: "stopped" },
    { type: "start" },
    "starting 0",
  ],
  [
    "start launches one that ended",
    policy,
    { name: "ended", last },
    { type: "start" },
    "starting 0",
  ],
  [
    "ready ends the start",
    policy,
    { name: "starting", failures: 1 },
    { type: "ready" },
    "running 1",
  ],
  [
    "a told one that is late stays",
    policy,
    { name: "starting", failures: 0 },
    { type: "elapsed" },
    "starting 0",
  ],
  [
    "one that lived long enough is ready",
    alive,
    { name: "starting", failures: 0 },
    { type: "elapsed" },
    "running 0",
  ],
  ["a crash while running backs off", policy, running, crash, "backoff 1"],
  [
    "a crash soon after a restart counts on",
    policy,
    { name: "running", failures: 1 },
    crash,
    "backoff 2",
  ],
  [
    "a stable one is forgiven",
    policy,
    { name: "running", failures: 2 },
    { type: "elapsed" },
    "running 0",
  ],
  ["one failure too many gives up", policy, { name: "starting", failures: 2 }, crash, "failed 3"],
  [
    "one that gave up tries again later",
    policy,
    { name: "failed", failures: 3, last },
    { type: "elapsed" },
    "starting 3",
  ],
  [
    "start forgives at once",
    policy,
    { name: "failed", failures: 3, last },
    { type: "start" },
    "starting 0",
  ],
  ["exit 0 is a failure of what must run", policy, running, done, "backoff 1"],
  ["exit 0 is the end with on-failure", onFailure, running, done, "ended"],
  ["a crash is not, with on-failure", onFailure, running, crash, "backoff 1"],
  ["never means never", never, running, crash, "ended"],
  ["stop asks", policy, running, { type: "stop" }, "stopping"],
  [
    "stop cancels a pending restart",
    policy,
    { name: "backoff", failures: 1, last },
    { type: "stop" },
    "stopped",
  ],
  [
    "an asked one that exits is stopped",
    policy,
    { name: "stopping", escalated: false },
    crash,
    "stopped",
  ],
  [
    "ready is ignored once stopping",
    policy,
    { name: "stopping", escalated: false },
    { type: "ready" },
    "stopping",
  ],
  [
    "one that runs is adopted as it is",
    policy,
    { name: "stopped" },
    { type: "adopt", ready: true },
    "running 0",
  ],
  [
    "an adopted one may have to say it is ready",
    policy,
    { name: "stopped" },
    { type: "adopt", ready: false },
    "starting 0",
  ],
])("%s", ([, by, from, event, to]) => {
  const { state } = step(by, from, event, 0);
  const failures = "failures" in state ? ` ${state.failures}` : "";
  expect(`${state.name}${failures}`).toBe(to);
});

test.for<[title: string, from: ProcessState, event: ProcessEvent, effects: readonly string[]]>([
  [
    "a start spawns and waits for readiness",
    { name: "stopped" },
    { type: "start" },
    ["spawn", "arm 1000"],
  ],
  [
    "an adoption does not spawn",
    { name: "stopped" },
    { type: "adopt", ready: false },
    ["arm 1000"],
  ],
  [
    "a late start is killed",
    { name: "starting", failures: 0 },
    { type: "elapsed" },
    ["signal SIGKILL"],
  ],
  [
    "readiness is waited for from the child's birth",
    { name: "starting", failures: 0 },
    { type: "spawned" },
    ["arm 1000"],
  ],
  ["stop is polite first", running, { type: "stop" }, ["signal SIGTERM", "arm 500"]],
  [
    "and then is not",
    { name: "stopping", escalated: false },
    { type: "elapsed" },
    ["signal SIGKILL"],
  ],
  ["kill is not polite", running, { type: "kill" }, ["disarm", "signal SIGKILL"]],
  [
    "kill does not wait for a grace period",
    { name: "stopping", escalated: false },
    { type: "kill" },
    ["signal SIGKILL"],
  ],
  ["giving up arms the slow retry", { name: "running", failures: 2 }, crash, ["arm 60000"]],
])("%s", ([, from, event, expected]) => {
  const effects = step(policy, from, event, 0).effects.map((effect) => {
    if (effect.type === "signal") return `signal ${effect.signal}`;
    return effect.type === "arm" ? `arm ${effect.afterMs}` : effect.type;
  });
  expect(effects).toEqual(expected);
});

const anyEvent = fc.constantFrom<ProcessEvent>(
  { type: "start" },
  { type: "ready" },
  { type: "stop" },
  { type: "kill" },
  { type: "elapsed" },
  crash,
  done,
);

test("whatever happens, at most one child lives, and what waits has a timer", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
      let state: ProcessState = { name: "stopped" };
      let alive = 0;
      let armed = false;
      for (const event of events) {
        if (event.type === "exited" && alive === 0) continue; // nothing that could exit
        if (event.type === "elapsed" && !armed) continue;
        if (event.type === "exited") alive -= 1;
        if (event.type === "elapsed") armed = false;
        const next = step(policy, state, event, 0.5);
        state = next.state;
        for (const effect of next.effects) {
          if (effect.type === "spawn") alive += 1;
          if (effect.type === "arm") armed = true;
          if (effect.type === "disarm") armed = false;
        }
        expect(alive).toBeLessThanOrEqual(1);
        if (state.name === "backoff" || state.name === "failed") expect(armed).toBe(true);
        if (state.name === "stopped" || state.name === "ended") expect(alive).toBe(0);
      }
    }),
  );
});
