/** Worker models of Python under a real arbiter: what edges are told of them, and how they fail to start. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { asgiPlan, openBench, startReady, wsgiPlan } from "./run-arbiter-process.ts";

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
