/** A real arbiter with real Python workers: start, scale, drain, and what kills them. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { eventually, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { listenAsEdge } from "./fake-peers.ts";
import { isAlive, leftovers } from "./leftovers.ts";
import { type Bench, openBench, startReady, wsgiPlan } from "./run-arbiter-process.ts";

async function openReady(changes: Parameters<typeof wsgiPlan>[1] = {}): Promise<Bench> {
  const bench = await openBench();
  await startReady(bench, wsgiPlan(bench, changes));
  return bench;
}

function workersOf(bench: Bench) {
  return [...bench.edge.workers.values()].sort((left, right) => left.id.localeCompare(right.id));
}

/** Never the number 0: that would be our own process group. */
function kill(pid: number | null | undefined): void {
  if (!pid) throw new Error("no such process");
  process.kill(pid, "SIGKILL");
}

function first(bench: Bench) {
  const [worker] = workersOf(bench);
  if (worker === undefined) throw new Error("the edge knows no worker");
  return worker;
}

test("a configured WSGI app is ready, known to the edge, and answers with its identity", async () => {
  await using bench = await openReady();

  expect(bench.stackd.hellos[0]).toMatchObject({ role: "arbiter", app: "shop", configured: false });
  const state = bench.stackd.state();
  expect(state).toMatchObject({ state: "ready", desired: 2, generation: 1, release: "r1" });
  const workers = workersOf(bench);
  expect(workers.map((worker) => worker.id)).toEqual(["shop-1.1", "shop-1.2"]);
  for (const worker of workers) {
    expect(worker).toMatchObject({ protocol: "worker", capacity: 1, generation: 1 });
    const answer = await ask(worker, "/");
    expect(answer).toEqual({ status: 200, body: `${worker.pid} shop 1 ${worker.id} r1 -` });
  }
});

test("where a worker crashed is in the log, with its name", async () => {
  await using bench = await openReady({ app: "crashes:application", workers: 1 });

  await expect(ask(first(bench), "/")).rejects.toThrow("closed without an answer");

  const place = /shop-1\.1: {3}File ".*\/fixtures\/crashes\.py", line 6 in application/;
  await eventually("the frames", () => place.test(bench.output()));
  expect(bench.output()).toContain("shop-1.1: Fatal Python error: Segmentation fault");
  await eventually("its end", () => bench.output().includes("ended: killed by SIGSEGV"));
});

test("a killed worker is forgotten by the edges and another takes its slot", async () => {
  await using bench = await openReady();
  const victim = first(bench);
  const gone = nextEvent(
    bench.edge.events,
    "message",
    (message) => message.type === "worker-gone" && message.key === victim.key,
  );
  const up = nextEvent(
    bench.edge.events,
    "message",
    (message) => message.type === "worker-up" && message.worker.id === victim.id,
  );

  kill(victim.pid);

  await gone;
  await up;
  const state = await bench.stackd.untilState("ready again", (now) => now.state === "ready");
  const successor = state.workers.find((worker) => worker.id === victim.id);
  expect(successor).toMatchObject({
    restarts: 1,
    generation: 1,
    lastExit: { code: null, signal: "SIGKILL", reason: "killed by SIGKILL" },
  });
  expect(successor?.key).not.toBe(victim.key);
  expect((await ask(first(bench), "/")).status).toBe(200);
});

test("when the zygote is killed its workers serve until a fresh generation is ready", async () => {
  await using bench = await openReady();
  const old = workersOf(bench);
  const pids = new Set(old.map((worker) => worker.pid));
  const [zygote] = leftovers(bench.run).filter((pid) => !pids.has(pid));
  const logged = bench.edge.log.length;

  kill(zygote);

  const state = await bench.stackd.untilState(
    "only the new generation",
    (now) => now.generation === 2 && now.workers.length === 2 && now.state === "ready",
  );
  expect(state.workers.every((worker) => worker.generation === 2)).toBe(true);
  const since = bench.edge.log.slice(logged);
  const types = since.map((message) => message.type);
  expect(types.slice(0, 2)).toEqual(["worker-up", "worker-up"]);
  expect(types.filter((type) => type === "worker-drain")).toHaveLength(2);
  await eventually("the orphans to end", () => old.every((worker) => !isAlive(worker.pid)));
  const restarts = state.workers.map((worker) => worker.lastExit?.reason);
  expect(restarts).toEqual(["its zygote ended", "its zygote ended"]);
});

test("workers whose arbiter was killed drain, and its successor starts afresh", async () => {
  await using bench = await openReady();
  const old = workersOf(bench);
  const stale = readdirSync(join(bench.run, "shop"));

  bench.arbiter().kill("SIGKILL");
  await eventually("the orphans to end", () => old.every((worker) => !isAlive(worker.pid)));
  bench.startArbiter();
  await eventually("the successor to say hello", () => bench.stackd.hellos.length === 2);
  const plan = wsgiPlan(bench);
  const error = await bench.stackd.order({ type: "configure", plan, release: "r1" });

  expect(error).toBeNull();
  expect(bench.stackd.hellos[1]).toMatchObject({ configured: false });
  const keys = new Set(old.map((worker) => worker.key));
  await eventually("the edge to know the new workers", () => bench.edge.workers.size === 2);
  expect(workersOf(bench).filter((worker) => keys.has(worker.key))).toEqual([]);
  const sockets = readdirSync(join(bench.run, "shop")).filter((file) => /-.*sock$/.test(file));
  expect(sockets.filter((file) => stale.includes(file))).toEqual([]);
  expect((await ask(first(bench), "/")).status).toBe(200);
});

test("an arbiter that ends late leaves its successor's sockets alone", async () => {
  await using bench = await openReady({ workers: 1 });
  const first = bench.arbiter();
  const ended = new Promise((resolve) => first.once("exit", resolve));
  bench.startArbiter();
  await eventually("the successor to say hello", () => bench.stackd.hellos.length === 2);
  const plan = wsgiPlan(bench, { workers: 1 });
  expect(await bench.stackd.order({ type: "configure", plan, release: "r1" })).toBeNull();
  const pid = bench.stackd.state()?.workers[0]?.pid;

  first.kill("SIGTERM");
  await ended;

  const up = nextEvent(bench.edge.events, "message", (message) => message.type === "worker-up");
  kill(pid); // the next one needs the successor's own socket
  await up;
});

test("a drain with no time at all ends what runs", async () => {
  await using bench = await openReady({ workers: 1 });
  bench.edge.answersDrains = false;
  const cut = ask(first(bench), "/sleep/60").then(
    () => "answered",
    () => "cut",
  );
  const begun = performance.now();

  expect(await bench.stackd.order({ type: "drain", deadlineMs: 0 })).toBeNull();

  expect(performance.now() - begun).toBeLessThan(30_000);
  expect(await cut).toBe("cut");
});

test("a worker stuck in a request is killed on the edge's word and replaced", async () => {
  await using bench = await openReady({ workers: 1 });
  const worker = first(bench);
  const cut = ask(worker, "/sleep/60").then(
    () => "answered",
    () => "cut",
  );
  const up = nextEvent(bench.edge.events, "message", (message) => message.type === "worker-up");

  const request = { method: "GET", url: "http://shop.test/sleep/60", client: "203.0.113.9" };
  bench.edge.send({ type: "worker-stuck", key: worker.key, request, ageMs: 5_000 });

  await up;
  expect(await cut).toBe("cut");
  expect(bench.edge.log.some((m) => m.type === "worker-gone" && m.key === worker.key)).toBe(true);
  const state = await bench.stackd.untilState("ready", (now) => now.state === "ready");
  expect(state.workers[0]?.lastExit?.reason).toBe("request timeout (5s)");
});

test("scaling up adds workers of the same generation, scaling down drains the last", async () => {
  await using bench = await openReady();
  const before = workersOf(bench);
  const scale = (workers: number) =>
    bench.stackd.order({ type: "configure", plan: wsgiPlan(bench, { workers }), release: "r1" });

  expect(await scale(3)).toBeNull();

  await eventually("the edge to hear of the third", () => bench.edge.workers.size === 3);
  expect(workersOf(bench).slice(0, 2)).toEqual(before);
  expect(workersOf(bench)[2]).toMatchObject({ id: "shop-1.3", generation: 1 });

  expect(await scale(1)).toBeNull();

  expect(workersOf(bench)).toEqual(before.slice(0, 1));
  expect(bench.stackd.state()).toMatchObject({ desired: 1, state: "ready", generation: 1 });
  expect(leftovers(bench.run)).toHaveLength(2); // the worker and the zygote
});

test("a drain waits for the running request, then leaves nothing", async () => {
  await using bench = await openReady({ workers: 1 });
  const worker = first(bench);
  bench.edge.answersDrains = false;
  const asked = nextEvent(bench.edge.events, "message", (m) => m.type === "worker-drain");
  const answer = ask(worker, "/sleep/0.5");

  const done = bench.stackd.order({ type: "drain", deadlineMs: 30_000 });
  await asked;
  await bench.stackd.untilState("draining", (now) => now.state === "draining");
  expect((await answer).status).toBe(200);
  bench.edge.send({ type: "worker-drained", key: worker.key });

  expect(await done).toBeNull();
  expect(await bench.exited()).toBe(0);
  expect(leftovers(bench.run)).toEqual([]);
  expect(existsSync(join(bench.run, "shop"))).toBe(false);
});

test("a drain ends at its deadline, whatever the edge says", async () => {
  await using bench = await openReady({ workers: 1 });
  bench.edge.answersDrains = false;

  const done = bench.stackd.order({ type: "drain", deadlineMs: 300 });

  expect(await done).toBeNull();
  await eventually("the edge to be told", () => bench.edge.log.at(-1)?.type === "worker-gone");
  expect(await bench.exited()).toBe(0);
});

test("SIGTERM drains", async () => {
  await using bench = await openReady();
  bench.arbiter().kill("SIGTERM");
  expect(await bench.exited()).toBe(0);
  expect(leftovers(bench.run)).toEqual([]);
});

test("an edge that comes later, or again, is told of all workers", async () => {
  await using bench = await openReady();
  await using second = await listenAsEdge(bench.run, 2);

  await eventually("the second edge to be told", () => second.workers.size === 2);

  expect([...second.workers.keys()].sort()).toEqual([...bench.edge.workers.keys()].sort());
});

test("while stackd is away a killed worker is replaced, and a new stackd hears of it", async () => {
  await using bench = await openReady({ workers: 1 });
  const victim = first(bench);
  const up = nextEvent(bench.edge.events, "message", (message) => message.type === "worker-up");
  bench.stackd.disconnect();

  kill(victim.pid);

  await up;
  await eventually("hello again", () => bench.stackd.hellos.length === 2);
  expect(bench.stackd.hellos[1]).toMatchObject({ configured: true });
  const state = await bench.stackd.untilState("the state", (now) => now.workers[0]?.restarts === 1);
  expect(state.release).toBe("r1");
});

test("output that nobody reads any more does not end the arbiter", async () => {
  await using bench = await openReady({ workers: 1 });
  bench.arbiter().stdout?.destroy();
  bench.arbiter().stderr?.destroy();
  const up = nextEvent(bench.edge.events, "message", (message) => message.type === "worker-up");

  kill(first(bench).pid); // it will want to log that

  await up;
  const plan = wsgiPlan(bench, { workers: 2 });
  expect(await bench.stackd.order({ type: "configure", plan, release: "r1" })).toBeNull();
});

test("a worker that keeps dying soon is called a crash loop, the others serve on", async () => {
  await using bench = await openReady();

  for (let death = 1; death <= 6; death += 1) {
    const state = await bench.stackd.untilState("shop-1.1 to be ready", (now) => {
      const worker = now.workers.find(({ id }) => id === "shop-1.1");
      return worker?.state === "ready" && worker.restarts === death - 1;
    });
    kill(state.workers.find(({ id }) => id === "shop-1.1")?.pid);
  }

  const state = await bench.stackd.untilState("degraded", (now) => now.error !== null);
  expect(state).toMatchObject({ state: "degraded", error: { code: "E3101", exit: 5 } });
  expect(state.error?.title).toMatch(/^shop: shop-1\.1 ended 6 times in \d+s$/);
  expect(state.workers.map((worker) => worker.state)).toEqual(["crashed", "ready"]);
  expect([...bench.edge.workers.values()].map((worker) => worker.id)).toEqual(["shop-1.2"]);

  const plan = wsgiPlan(bench); // an operator wants it tried at once
  expect(await bench.stackd.order({ type: "configure", plan, release: "r1" })).toBeNull();
  const after = await bench.stackd.untilState("ready again", (now) => now.state === "ready");
  expect(after.error).toBeNull();
});
