/** Generations: a reload moves everything, or nothing; what cannot start says why, and is retried. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AppPlan } from "@stack/config";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { isAlive, leftovers } from "./leftovers.ts";
import { type Bench, openBench, startReady, wsgiPlan } from "./run-arbiter-process.ts";

const configure = (bench: Bench, plan: AppPlan) =>
  bench.stackd.order({ type: "configure", plan, release: "r1" });
const reload = (bench: Bench, plan: AppPlan) =>
  bench.stackd.order({ type: "reload", plan, release: "r2" });

function workersOf(bench: Bench) {
  return [...bench.edge.workers.values()];
}

test("a reload announces the new generation before it drains the old", async () => {
  await using bench = await openBench();
  await startReady(bench, wsgiPlan(bench));
  const old = workersOf(bench);
  const logged = bench.edge.log.length;

  expect(await reload(bench, wsgiPlan(bench))).toBeNull();
  await eventually("the edge to hear of it all", () => bench.edge.log.length >= logged + 6);

  const types = bench.edge.log.slice(logged).map((message) => message.type);
  expect(types.slice(0, 4)).toEqual(["worker-up", "worker-up", "worker-drain", "worker-drain"]);
  expect(bench.stackd.state()).toMatchObject({ generation: 2, release: "r2", state: "ready" });
  for (const worker of workersOf(bench)) {
    expect((await ask(worker, "/")).body).toContain(" r2 ");
  }
  await eventually("the old to end", () => old.every((worker) => !isAlive(worker.pid)));
  await eventually("the old zygote to end", () => leftovers(bench.run).length === 3);
  const state = await bench.stackd.untilState("two workers", (now) => now.workers.length === 2);
  expect(state.workers[0]).toMatchObject({ restarts: 0, lastExit: { code: 0, reason: "reload" } });
});

const failures = [
  {
    what: "a name the module does not have",
    app: "hello:aplication",
    code: "E3001",
    fact: 'hello exists, but has no name "aplication". It defines: application',
    fix: 'apps.shop.app = "hello:application"',
  },
  {
    what: "a module that is not there",
    app: "helo:application",
    code: "E3001",
    fact: 'there is no module "helo" in',
    fix: 'apps.shop.app = "hello:application"',
  },
  {
    what: "an import that raises",
    app: "raises:application",
    code: "E3002",
    fact: "ConnectionError: no database at 10.0.0.9",
    fix: "stack reload shop",
  },
] as const;

test.for(failures)("a reload onto $what leaves the old as it was", async (failure) => {
  await using bench = await openBench();
  await startReady(bench, wsgiPlan(bench, { workers: 1 }));
  const old = workersOf(bench);
  const logged = bench.edge.log.length;

  const error = await reload(bench, wsgiPlan(bench, { workers: 1, app: failure.app }));

  expect(error).toMatchObject({ code: failure.code, exit: 5 });
  expect(error?.place).toMatchObject({ configPath: "apps.shop.app", line: 8 });
  expect(error?.facts?.join("\n")).toContain(failure.fact);
  expect(error?.fixes.join("\n")).toContain(failure.fix);
  expect(bench.edge.log.slice(logged)).toEqual([]);
  expect(workersOf(bench)).toEqual(old);
  expect(bench.stackd.state()).toMatchObject({ state: "ready", generation: 1, release: "r1" });
});

test("a reload that is not ready in time is discarded", async () => {
  await using bench = await openBench();
  await startReady(bench, wsgiPlan(bench, { workers: 1 }));

  const plan = wsgiPlan(bench, { workers: 1, app: "hangs:application", bootTimeoutMs: 400 });
  const error = await reload(bench, plan);

  expect(error).toMatchObject({
    code: "E3201",
    title: "shop was not ready in 0.4s",
    facts: ["still importing hangs:application"],
  });
  await eventually("the hanging zygote to end", () => leftovers(bench.run).length === 2);
  expect(bench.stackd.state()).toMatchObject({ state: "ready", generation: 1 });
});

test("a reload whose health check fails is discarded, with what it answered", async () => {
  await using bench = await openBench();
  const file = join(bench.folder, "health");
  writeFileSync(file, "204 No Content");
  const env = { ...wsgiPlan(bench).env, HEALTH_FILE: file };
  const plan = wsgiPlan(bench, { workers: 1, app: "health:application", health: "/healthz", env });
  await startReady(bench, plan);

  writeFileSync(file, "500 Internal Server Error");
  const error = await reload(bench, { ...plan, bootTimeoutMs: 10_000 });

  expect(error).toMatchObject({ code: "E3202", exit: 5 });
  expect(error?.title).toBe("shop: the health check GET /healthz fails");
  expect(error?.facts?.[0]).toMatch(/^shop-1\.1: answered 500;/);
  expect(bench.stackd.state()?.generation).toBe(1);
});

test("workers that die at birth end the trial, and are tried again", async () => {
  await using bench = await openBench();

  const error = await configure(bench, wsgiPlan(bench, { workers: 1, app: "dies:application" }));

  expect(error).toMatchObject({ code: "E3101", exit: 5 });
  expect(error?.facts?.[0]).toContain("exit 7");
  expect(bench.stackd.state()).toMatchObject({ state: "crashed", error: { code: "E3101" } });
  await bench.stackd.untilState("another try", (now) => now.generation > 1);
});

test("an app that could not be imported is served as soon as it can", async () => {
  await using bench = await openBench();
  const file = join(bench.folder, "late.py");
  const plan = wsgiPlan(bench, { workers: 1, cwd: bench.folder, app: "late:application" });

  const error = await configure(bench, plan);
  expect(error?.code).toBe("E3001");
  expect(bench.stackd.state()).toMatchObject({ state: "crashed", error: { code: "E3001" } });

  writeFileSync(file, "from wsgiref.simple_server import demo_app as application\n");
  const state = await bench.stackd.untilState("ready", (now) => now.state === "ready");

  expect(state.error).toBeNull();
  expect((await ask(workersOf(bench)[0] ?? fail(), "/")).status).toBe(200);
});

test("an import that fails only in the workers is reported the same", async () => {
  await using bench = await openBench();

  const plan = wsgiPlan(bench, { workers: 1, app: "raises:application", preload: false });
  const error = await configure(bench, plan);

  expect(error?.code).toBe("E3002");
  expect(error?.facts?.join("\n")).toContain("no database at 10.0.0.9");
});

test("a missing Python is an error of the environment that names where it was sought", async () => {
  await using bench = await openBench();

  const error = await configure(
    bench,
    wsgiPlan(bench, { python: null, pythonTried: [".venv/bin/python", "python3"] }),
  );

  expect(error).toMatchObject({ code: "E2101", exit: 4 });
  expect(error?.facts?.[0]).toContain("looked for: .venv/bin/python, python3");
});

test("a Python that is too old is named with its version", async () => {
  await using bench = await openBench();
  const python = join(bench.folder, "python3.8");
  writeFileSync(python, '#!/bin/sh\ncase "$1" in -c) echo 3.8.19;; *) exit 1;; esac\n');
  chmodSync(python, 0o755);

  const error = await configure(bench, wsgiPlan(bench, { python }));

  expect(error).toMatchObject({ code: "E2102", exit: 4 });
  expect(error?.title).toContain("Python 3.8.19 is too old");
});

test("a virtual environment whose interpreter is gone is named with where it came from", async () => {
  await using bench = await openBench();
  const python = join(bench.folder, "bin", "python");
  writeFileSync(join(bench.folder, "pyvenv.cfg"), "home = /opt/python3.10/bin\n");

  const error = await configure(bench, wsgiPlan(bench, { python }));

  expect(error).toMatchObject({ code: "E2103", exit: 4 });
  expect(error?.facts?.join("\n")).toContain("/opt/python3.10/bin");
});

function fail(): never {
  throw new Error("the edge knows no worker");
}
