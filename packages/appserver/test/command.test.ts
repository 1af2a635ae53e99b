/** A real arbiter with a `command` app: any server on the port it is given. */
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { formatLogLine } from "@stack/process";
import { eventually, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { isAlive, leftovers } from "./leftovers.ts";
import { type Bench, commandPlan, openBench, startReady } from "./run-arbiter-process.ts";

async function openReady(): Promise<Bench> {
  const bench = await openBench();
  await startReady(bench, commandPlan(bench));
  return bench;
}

function first(bench: Bench) {
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");
  return worker;
}

test("a command is ready when it answers on the port it was given", async () => {
  await using bench = await openReady();

  const worker = first(bench);
  expect(worker).toMatchObject({ id: "shop-1.1", protocol: "http", capacity: 100 });
  expect(worker.address).toMatch(/^127\.0\.0\.1:\d+$/);
  const { body } = await ask(worker, "/");
  expect(body).toBe(`${worker.pid} shop-1.1 127.0.0.1 undefined`);
  expect(bench.stackd.state()).toMatchObject({ desired: 1, state: "ready" });
});

test("{port} in the arguments is the port", async () => {
  await using bench = await openBench();
  const { command, ...plan } = commandPlan(bench);
  await startReady(bench, { ...plan, command: [...command, "--port={port}"] });

  const worker = first(bench);
  const port = worker.address.split(":")[1];
  expect((await ask(worker, "/")).body).toContain(`--port=${port}`);
});

test("{socket} in the arguments is a Unix socket, gone with its command", async () => {
  await using bench = await openBench();
  const { command, ...plan } = commandPlan(bench);
  await startReady(bench, { ...plan, command: [...command, "{socket}"] });

  const { address, pid } = first(bench);
  const path = address.slice("unix:".length);
  expect((await ask(first(bench), "/")).body).toContain(` ${path}`);
  process.kill(pid, "SIGKILL");
  await eventually("its successor", () => first(bench)?.pid !== pid);
  expect(first(bench).address).not.toBe(address);
  expect(existsSync(path)).toBe(false);
});

test("with `ready.log` a command is ready once it has said so", async () => {
  await using bench = await openBench();
  const logs = join(bench.folder, "logs");
  mkdirSync(logs);
  const said = (text: string): void => {
    const line = { at: new Date().toISOString(), source: "shop-1", stream: "out", text } as const;
    appendFileSync(join(logs, "shop-1.log"), formatLogLine(line));
  };
  said("all is set"); // by the one before
  const plan = commandPlan(bench, { readyLog: "all is set", logs });
  const configured = bench.stackd.order({ type: "configure", plan, release: "r1" });
  await eventually("it to listen", () => bench.output().includes("listens"));
  said("almost all");
  expect(bench.edge.workers.size).toBe(0);

  said("now all is set.");
  expect(await configured).toBeNull();
  expect((await ask(first(bench), "/")).status).toBe(200);
});

test("a killed command is started again", async () => {
  await using bench = await openReady();
  const up = nextEvent(bench.edge.events, "message", (m) => m.type === "worker-up");

  process.kill(first(bench).pid, "SIGKILL");

  const [message] = await up;
  expect(message.type === "worker-up" && message.worker.id).toBe("shop-1.1");
  expect((await ask(first(bench), "/")).status).toBe(200);
});

test("a reload runs the new command beside the old on another port", async () => {
  await using bench = await openReady();
  const old = first(bench);

  const plan = commandPlan(bench);
  expect(await bench.stackd.order({ type: "reload", plan, release: "r2" })).toBeNull();

  await eventually("the edge to forget the old", () => !bench.edge.workers.has(old.key));
  expect(first(bench).address).not.toBe(old.address);
  await eventually("the old to end", () => !isAlive(old.pid));
  expect((await ask(first(bench), "/")).status).toBe(200);
});

test("a command whose arbiter was killed finishes its request and ends, guard and all", async () => {
  await using bench = await openReady();
  const answer = ask(first(bench), "/sleep/0.5");
  await eventually("the request to run", () => bench.output().includes("got /sleep"));

  bench.arbiter().kill("SIGKILL");

  expect((await answer).status).toBe(200);
  await eventually("the whole group to end", () => leftovers(bench.run).length === 0);
});

test.for([
  { what: "does not exist", command: ["/nowhere/server"] as const, fact: "no such program" },
  { what: "is not executable", command: ["/etc/passwd"] as const, fact: "not executable" },
])("a command that $what is an error", async ({ command, fact }) => {
  await using bench = await openBench();

  const plan = commandPlan(bench, { command });
  const error = await bench.stackd.order({ type: "configure", plan, release: "r1" });

  expect(error).toMatchObject({ code: "E3003", exit: 5 });
  expect(error?.facts?.[0]).toContain(fact);
});

test("a command that does not listen on its port is not ready in time, and is told so", async () => {
  await using bench = await openBench();

  const plan = commandPlan(bench, { command: ["/bin/sleep", "60"], bootTimeoutMs: 400 });
  const error = await bench.stackd.order({ type: "configure", plan, release: "r1" });

  expect(error).toMatchObject({ code: "E3201" });
  expect(error?.facts?.[0]).toContain("nothing accepts connections on the PORT");
  await eventually("it to end", () => leftovers(bench.run).length === 0);
});
