/** Workers that do nothing more: what the log says of them, what clients are told, and who follows. */
import { fileURLToPath } from "node:url";
import type { AppPlan } from "@stack/config";
import type { WorkerRecord } from "@stack/control";
import { eventually, nextEvent } from "@stack/testkit";
import { expect, test, vi } from "vitest";
import { ask } from "./ask-worker.ts";
import { isAlive, leftovers } from "./leftovers.ts";
import {
  asgiPlan,
  type Bench,
  commandPlan,
  nodePlan,
  openBench,
  startReady,
  wsgiPlan,
} from "./run-arbiter-process.ts";

vi.setConfig({ testTimeout: 60_000 });
const patienceMs = 40_000;
const spins = fileURLToPath(new URL("./fixtures/spins.mjs", import.meta.url));

type PlanOf = (bench: Bench) => AppPlan;
const holdsGil: PlanOf = (bench) => wsgiPlan(bench, { workers: 1, app: "holds_gil:application" });
const sleeps: PlanOf = (bench) => wsgiPlan(bench, { workers: 1 });
const blocks: PlanOf = (bench) => asgiPlan(bench, { workers: 1, timeoutMs: 1_000 });
const node: PlanOf = (bench) => nodePlan(bench, { workers: 1, entry: spins });

function first(bench: Bench): WorkerRecord {
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");
  return worker;
}

const gone = (bench: Bench, { key }: WorkerRecord) =>
  nextEvent(
    bench.edge.events,
    "message",
    (message) => message.type === "worker-gone" && message.key === key,
    patienceMs,
  );

/** Sends a request that gets no answer, and waits until the app has it. */
async function occupy(bench: Bench, worker: WorkerRecord, path: string): Promise<void> {
  ask(worker, path).catch(() => {});
  await eventually("it to be busy", () => bench.output().includes(`got ${path}`));
}

test.for<readonly [what: string, plan: PlanOf, path: string, frame: RegExp]>([
  ["sleeps", sleeps, "/sleep/600", /File ".*hello\.py", line \d+ in application/],
  ["holds the GIL in C", holdsGil, "/holds", /File ".*holds_gil\.py", line \d+ in into_c/],
  ["blocks its event loop", blocks, "/blocks", /File ".*asgi\.py", line \d+ in app/],
  ["spins in JavaScript", node, "/spins", /at spin \(file:.*spins\.mjs:\d+:\d+\)/],
])(
  "the log says where a worker that %s is, and for whom, before it is killed",
  async ([, planOf, path, frame]) => {
    await using bench = await openBench();
    await startReady(bench, planOf(bench));
    const worker = first(bench);
    await occupy(bench, worker, path);
    const dead = gone(bench, worker);
    const logged = bench.output().length;

    const request = { method: "GET", url: `http://shop.test${path}?q=1`, client: "203.0.113.9" };
    bench.edge.send({ type: "worker-stuck", key: worker.key, request, ageMs: 30_000 });

    await dead;
    // It was written before that, but comes another way.
    const late = `shop-1.1 (pid ${worker.pid}) has not answered GET http://shop.test${path}?q=1 for 203.0.113.9 in 30s`;
    await eventually("the log to say it", () => {
      const said = bench.output().slice(logged);
      return said.includes(late) && frame.test(said);
    });
    const state = await bench.stackd.untilState(
      "its successor",
      (now) => now.state === "ready" && now.workers[0]?.lastExit != null,
      patienceMs,
    );
    expect(state.workers[0]?.lastExit?.reason).toBe("request timeout (30s)");
  },
);

test("a Node worker whose loop turns is not killed for one request", async () => {
  await using bench = await openBench();
  await startReady(bench, node(bench));
  const worker = first(bench);
  const request = { method: "GET", url: "http://shop.test/waits", client: "203.0.113.9" };

  bench.edge.send({ type: "worker-stuck", key: worker.key, request, ageMs: 30_000 });

  await eventually("the verdict", () => bench.output().includes("it is left alone"));
  expect((await ask(worker, "/")).body).toBe(String(worker.pid));
});

test.for<readonly [kind: string, plan: PlanOf]>([
  ["wsgi", sleeps],
  ["node", node],
  ["command", (bench) => commandPlan(bench)],
])("a stopped %s worker is noticed without a request, and replaced", async ([, planOf]) => {
  await using bench = await openBench();
  await startReady(bench, planOf(bench));
  const worker = first(bench);
  const dead = gone(bench, worker);

  process.kill(worker.pid, "SIGSTOP");

  expect((await dead)[0]).toMatchObject({ answer: { status: 504 } });
  await eventually("it to end", () => !isAlive(worker.pid));
  const state = await bench.stackd.untilState(
    "its successor",
    (now) => now.state === "ready" && now.workers[0]?.lastExit != null,
    patienceMs,
  );
  expect(state.workers[0]?.lastExit).toMatchObject({
    signal: "SIGKILL",
    reason: "stopped by a signal (SIGSTOP)",
  });
});

test("a loop that hangs without a request of an edge is noticed", async () => {
  await using bench = await openBench();
  await startReady(bench, blocks(bench));
  const worker = first(bench);
  await occupy(bench, worker, "/blocks");

  expect((await gone(bench, worker))[0]).toMatchObject({ answer: { status: 504 } });

  await eventually("the log", () => bench.output().includes("no sign of life for 11s"));
});

test("a stopped zygote is followed by another when a worker is wanted of it", async () => {
  await using bench = await openBench();
  await startReady(bench, sleeps(bench));
  const worker = first(bench);
  const [zygote] = leftovers(bench.run).filter((pid) => pid !== worker.pid);
  if (zygote === undefined) throw new Error("no zygote");
  process.kill(zygote, "SIGSTOP");

  process.kill(worker.pid, "SIGKILL");

  const state = await bench.stackd.untilState(
    "a new generation",
    (now) => now.generation === 2 && now.state === "ready",
    patienceMs,
  );
  expect(state.workers[0]?.state).toBe("ready");
});

test("a successor that hangs in its boot is given up, and tried again", async () => {
  await using bench = await openBench();
  const env = { ...wsgiPlan(bench).env, STACK_TEST_FLAG: bench.folder };
  const late = { app: "late_hang:application", env, bootTimeoutMs: 8_000 };
  await startReady(bench, wsgiPlan(bench, { workers: 1, preload: false, ...late }));

  process.kill(first(bench).pid, "SIGKILL");

  const given = /ended: not ready in 8s/g;
  await eventually(
    "two attempts",
    () => (bench.output().match(given)?.length ?? 0) >= 2,
    patienceMs,
  );
  expect(bench.stackd.state()?.workers[0]?.lastExit?.reason).toBe("not ready in 8s");
});
