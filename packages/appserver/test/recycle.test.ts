/** Workers that have done enough: replaced without a gap, or killed where memory leaves no time. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RecyclePlan } from "@stack/config";
import type { WorkerRecord } from "@stack/control";
import { eventually, nextEvent } from "@stack/testkit";
import { expect, test, vi } from "vitest";
import { ask } from "./ask-worker.ts";
import { isAlive } from "./leftovers.ts";
import { type Bench, commandPlan, openBench, startReady, wsgiPlan } from "./run-arbiter-process.ts";

const patienceMs = 40_000;

vi.setConfig({ testTimeout: 60_000 });

async function openShop(recycle: RecyclePlan, workers = 1): Promise<Bench> {
  const bench = await openBench();
  const env = { ...wsgiPlan(bench).env, STACK_TEST_FLAG: answerFlag(bench) };
  await startReady(bench, wsgiPlan(bench, { app: "grows:application", workers, recycle, env }));
  return bench;
}

const answerFlag = (bench: Bench): string => join(bench.folder, "answer");

function first(bench: Bench): WorkerRecord {
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");
  return worker;
}

/** What the edge heard since, about workers. */
function since(bench: Bench, logged: number): readonly string[] {
  return bench.edge.log.slice(logged).map((message) => message.type);
}

const told = (bench: Bench, type: string) =>
  nextEvent(bench.edge.events, "message", (message) => message.type === type, patienceMs);

test("after its requests a worker drains once its successor is ready, and that is no restart", async () => {
  await using bench = await openShop({ requests: 100 });
  const old = first(bench);
  const logged = bench.edge.log.length;
  const drained = told(bench, "worker-drain");

  bench.edge.send({ type: "workers-load", workers: { [old.key]: { requests: 100 } } });

  await drained;
  expect(since(bench, logged)).toEqual(["worker-up", "worker-drain"]);
  await eventually("the old to end", () => !isAlive(old.pid));
  const state = await bench.stackd.untilState("one worker", (now) => now.workers.length === 1);
  expect(state).toMatchObject({ state: "ready", desired: 1 });
  expect(state.workers[0]).toMatchObject({
    id: old.id,
    restarts: 0,
    lastExit: { code: 0, reason: "max requests (100)" },
  });
});

test("workers that reach their limit together are replaced one after the other", async () => {
  await using bench = await openShop({ requests: 10 }, 3);
  const old = [...bench.edge.workers.keys()];
  const logged = bench.edge.log.length;
  const loads = Object.fromEntries(old.map((key) => [key, { requests: 10 }]));

  bench.edge.send({ type: "workers-load", workers: loads });
  await eventually(
    "all three to be replaced",
    () => old.every((key) => !bench.edge.workers.has(key)) && bench.edge.workers.size === 3,
    patienceMs,
  );

  const [up, drain] = ["worker-up", "worker-drain"];
  const order = since(bench, logged).filter((type) => type !== "worker-gone");
  expect(order).toEqual([up, drain, up, drain, up, drain]);
});

test("an old worker is replaced", async () => {
  await using bench = await openShop({ ageMs: 300 });
  const old = first(bench);

  await told(bench, "worker-drain");

  await eventually("the old to end", () => !isAlive(old.pid));
  const state = await bench.stackd.untilState("its end", (now) => now.workers[0]?.lastExit != null);
  expect(state.workers[0]?.lastExit?.reason).toMatch(/^max age/);
});

test("beyond the soft limit of memory what runs is finished first", async () => {
  await using bench = await openShop({ softBytes: 100 * 2 ** 20, hardBytes: 2 ** 40 });
  const old = first(bench);
  const up = told(bench, "worker-up");

  const slow = ask(old, "/wait/120");
  await up;
  writeFileSync(answerFlag(bench), "");

  expect((await slow).body).toBe(String(old.pid));
  const state = await bench.stackd.untilState("its end", (now) => now.workers[0]?.lastExit != null);
  expect(state.workers[0]?.lastExit?.reason).toMatch(/^memory \d+M, over the soft limit of 100M$/);
});

test("beyond the hard limit it is killed, and the edges are told what to answer", async () => {
  await using bench = await openShop({ hardBytes: 100 * 2 ** 20 });
  const old = first(bench);
  const gone = told(bench, "worker-gone");
  const up = told(bench, "worker-up");

  await ask(old, "/grow/120");

  expect((await gone)[0]).toMatchObject({ key: old.key, answer: { status: 502 } });
  await up;
  const state = await bench.stackd.untilState("ready", (now) => now.state === "ready");
  expect(state.workers[0]).toMatchObject({ restarts: 1, lastExit: { signal: "SIGKILL" } });
  expect(state.workers[0]?.lastExit?.reason).toMatch(/^memory \d+M, over the hard limit of 100M$/);
});

test("memory of a command is that of all its processes", async () => {
  await using bench = await openBench();
  const grows = "import os, time; held = os.urandom(1) * (200 << 20); time.sleep(60)";
  const beside = `/usr/bin/python3 -c "$1" & exec "$2" "$3"`;
  const command = ["/bin/sh", "-c", beside, "sh", grows] as const;
  const plain = commandPlan(bench);
  const plan = { ...plain, command: [...command, ...plain.command] as const };
  await startReady(bench, { ...plan, recycle: { hardBytes: 200 * 2 ** 20 } });
  const gone = told(bench, "worker-gone");

  await gone;

  const said = /memory \d+M, over the hard limit of 200M; it is killed/;
  await eventually("the log to say it", () => said.test(bench.output()));
});

test("a successor that does not become ready leaves the old one at work", async () => {
  await using bench = await openBench();
  const env = { ...wsgiPlan(bench).env, STACK_TEST_FLAG: bench.folder };
  const late = { app: "late_hang:application", env, bootTimeoutMs: 8_000 };
  const plan = wsgiPlan(bench, { workers: 1, preload: false, recycle: { requests: 5 }, ...late });
  await startReady(bench, plan);
  const old = first(bench);

  bench.edge.send({ type: "workers-load", workers: { [old.key]: { requests: 5 } } });
  const failed = /shop-1\.1 \(pid \d+\) ended: not ready in 8s/;
  await eventually("the successor to be given up", () => failed.test(bench.output()), patienceMs);

  expect((await ask(old, "/")).status).toBe(200);
  expect([...bench.edge.workers.keys()]).toEqual([old.key]);
  expect(bench.stackd.state()?.state).toBe("ready");
});
