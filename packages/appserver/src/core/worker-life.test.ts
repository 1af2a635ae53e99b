import { expect, test } from "vitest";
import { stepWorker, type WorkerEvent, type WorkerLife } from "./worker-life.ts";

const booting: WorkerLife = { name: "booting" };
const ready: WorkerLife = { name: "ready" };
const gone: WorkerLife = { name: "gone" };
const draining = (stage: "edges" | "worker" | "term" | "kill", announced = true): WorkerLife => ({
  name: "draining",
  stage,
  announced,
});

const arrows: readonly [string, WorkerLife, WorkerEvent["type"], WorkerLife, readonly string[]][] =
  [
    ["is announced when it is healthy", booting, "healthy", ready, ["announce"]],
    ["is announced once", ready, "healthy", ready, []],
    [
      "that never served is told to end at once",
      booting,
      "drain",
      draining("term", false),
      ["arm", "signal SIGTERM"],
    ],
    [
      "that serves is taken from the edges first",
      ready,
      "drain",
      draining("edges"),
      ["arm", "ask-edges"],
    ],
    [
      "is asked to end when no edge needs it",
      draining("edges"),
      "edges-drained",
      draining("worker"),
      ["ask-worker"],
    ],
    [
      "does not wait for edges for ever",
      draining("edges"),
      "elapsed",
      draining("term"),
      ["forget", "arm", "signal SIGTERM"],
    ],
    [
      "that does not end is told to",
      draining("worker"),
      "elapsed",
      draining("term"),
      ["forget", "arm", "signal SIGTERM"],
    ],
    [
      "that ignores SIGTERM is killed",
      draining("term"),
      "elapsed",
      draining("kill"),
      ["arm", "signal SIGKILL"],
    ],
    [
      "is killed again if need be",
      draining("kill"),
      "elapsed",
      draining("kill"),
      ["arm", "signal SIGKILL"],
    ],
    [
      "is forgotten by the edges before it is killed",
      ready,
      "kill",
      draining("kill"),
      ["forget", "arm", "signal SIGKILL"],
    ],
    [
      "that no edge knew is just killed",
      booting,
      "kill",
      draining("kill", false),
      ["arm", "signal SIGKILL"],
    ],
    [
      "is killed in the middle of a drain",
      draining("edges"),
      "kill",
      draining("kill"),
      ["forget", "arm", "signal SIGKILL"],
    ],
    ["that ends while it serves is forgotten", ready, "exited", gone, ["forget", "disarm"]],
    ["that ends while it boots concerns no edge", booting, "exited", gone, ["disarm"]],
    ["ends its drain by exiting", draining("worker"), "exited", gone, ["forget", "disarm"]],
    ["that is gone stays gone", gone, "kill", gone, []],
    ["hears of its edges too late", draining("term"), "edges-drained", draining("term"), []],
    ["has no deadline while it serves", ready, "elapsed", ready, []],
  ];

test.for(arrows)("a worker %s", ([, from, event, to, effects]) => {
  const step = stepWorker(from, { type: event });

  expect(step.life).toEqual(to);
  expect(
    step.effects.map((effect) =>
      effect.type === "signal" ? `signal ${effect.signal}` : effect.type,
    ),
  ).toEqual(effects);
});

test("whatever happens, a worker that was announced is forgotten before it is signalled", () => {
  const events = ["healthy", "drain", "edges-drained", "elapsed", "kill", "exited"] as const;
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let run = 0; run < 500; run += 1) {
    let life: WorkerLife = booting;
    let known = false;
    for (let index = 0; index < 12; index += 1) {
      const step = stepWorker(life, { type: events[random(events.length)] ?? "exited" });
      life = step.life;
      for (const effect of step.effects) {
        if (effect.type === "announce") known = true;
        if (effect.type === "forget") known = false;
        if (effect.type === "signal") expect(known).toBe(false);
      }
      if (life.name === "gone") expect(known).toBe(false);
    }
  }
});
