/** Worker models of Python under a real arbiter: what edges are told of them, and how they fail to start. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { eventually, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { asgiPlan, openBench, startReady, wsgiPlan } from "./run-arbiter-process.ts";

const late = (path: string) => ({ method: "GET", url: `http://shop.test${path}`, client: "::1" });

test("an ASGI app is ready when its health answers, and edges know how much it takes", async () => {
  await using bench = await openBench();
  await startReady(bench, asgiPlan(bench, { concurrency: 300, health: "/slow" }));

  for (const worker of bench.edge.workers.values()) {
    expect(worker).toMatchObject({ protocol: "worker", capacity: 300 });
    expect(await ask(worker, "/")).toEqual({ status: 200, body: `${worker.pid} asgi` });
  }
});

test("threads are the worker's capacity", async () => {
  await using bench = await openBench();
  await startReady(bench, wsgiPlan(bench, { worker: "threads", concurrency: 4, workers: 1 }));

  const [worker] = bench.edge.workers.values();
  expect(worker).toMatchObject({ capacity: 4 });
  if (worker !== undefined) expect((await ask(worker, "/")).status).toBe(200);
});

test("a startup that the app refuses ends the boot with the app's own words", async () => {
  await using bench = await openBench();
  const plan = asgiPlan(bench);

  const refusing = { ...plan, env: { ...plan.env, REFUSE: "1" } };
  const error = await bench.stackd.order({ type: "configure", plan: refusing, release: "r1" });

  expect(error).toMatchObject({
    code: "E3008",
    title: 'shop: the startup of "asgi:app" failed',
    facts: ["no database at db:5432", "sorry"],
  });
});

test("a request that takes too long ends an ASGI worker only if its loop does not turn", async () => {
  await using bench = await openBench();
  await startReady(bench, asgiPlan(bench, { workers: 1 }));
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");
  const { key } = worker;

  bench.edge.send({ type: "worker-stuck", key, request: late("/slow"), ageMs: 5_000 });
  await eventually("the first verdict", () => bench.output().includes("it is left alone"));
  expect(await ask(worker, "/")).toEqual({ status: 200, body: `${worker.pid} asgi` });

  const gone = nextEvent(
    bench.edge.events,
    "message",
    (message) => message.type === "worker-gone" && message.key === key,
  );
  ask(worker, "/blocks").catch(() => {});
  await eventually("the loop to block", () => bench.output().includes("got /blocks"));
  bench.edge.send({ type: "worker-stuck", key, request: late("/blocks"), ageMs: 5_000 });
  await gone;
});

test("a thread that is stuck has its worker replaced, not killed", async () => {
  await using bench = await openBench();
  const plan = wsgiPlan(bench, { worker: "threads", concurrency: 2, workers: 1 });
  await startReady(bench, plan);
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");
  const drained = nextEvent(
    bench.edge.events,
    "message",
    (message) => message.type === "worker-drain" && message.key === worker.key,
  );

  bench.edge.send({ type: "worker-stuck", key: worker.key, request: late("/"), ageMs: 5_000 });

  await drained;
  const state = await bench.stackd.untilState(
    "its successor",
    ({ workers }) =>
      workers.length === 1 && workers[0]?.state === "ready" && workers[0].key !== worker.key,
  );
  expect(state.workers[0]?.lastExit).toMatchObject({ code: 0, reason: "request timeout (5s)" });
});

test("a library, an interface and a middleware that are not there are told with what to do", async () => {
  await using bench = await openBench();
  const bare = makeBareVenv(bench.folder);
  const plans = [
    wsgiPlan(bench, { worker: "eventlet", preload: false, python: bare }),
    wsgiPlan(bench, { app: "asgi:app" }),
    wsgiPlan(bench, { middleware: ["hello:aplication"] }),
  ];

  const errors = [];
  for (const plan of plans) {
    errors.push(await bench.stackd.order({ type: "configure", plan, release: "r1" }));
  }

  expect(errors).toMatchObject([
    {
      code: "E2104",
      facts: [`${bare} has no module "eventlet"`],
      fixes: [`${bare} -m pip install eventlet`, expect.stringContaining("threads = 4")],
    },
    { code: "E3001", facts: ["asgi:app is an ASGI app"], fixes: ['apps.shop.kind = "asgi"'] },
    {
      code: "E3001",
      title: 'shop: cannot import "hello:aplication"',
      place: { configPath: "apps.shop.middleware" },
      fixes: ['apps.shop.middleware = ["hello:application"]'],
    },
  ]);
});

/** A Python without what the system has installed. */
function makeBareVenv(folder: string): string {
  const venv = join(folder, "venv");
  execFileSync("/usr/bin/python3", ["-m", "venv", "--without-pip", venv]);
  return join(venv, "bin/python");
}
