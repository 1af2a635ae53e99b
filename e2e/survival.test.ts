/**
 * What a visitor notices when something is killed: eight connections ask without a pause while a
 * process of the stack gets SIGKILL; every failed request is counted.
 */
import { readdirSync, readFileSync } from "node:fs";
import {
  eventually,
  isAlive,
  type LoadFailure,
  type LoadResult,
  processesMentioning,
  signalIfAlive,
  startLoad,
} from "@stack/testkit";
import { expect, test } from "vitest";
import { wsgiApp } from "./support/apps.ts";
import { createProject, type Project } from "./support/stack.ts";

const shop = (port: number, more = ""): string => `{
  name: "shop",
  redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", instances: 2, workers: 2${more} } },
}`;

async function startShop(more = ""): Promise<Project> {
  const project = await createProject((port) => shop(port, more), { "web.py": wsgiApp("v1") });
  await project.up();
  return project;
}

/** Kills the process under load, waits until the stack is whole again, and returns what clients saw. */
async function killUnderLoad(project: Project, pid: number): Promise<LoadResult> {
  await using load = startLoad({ port: project.port, path: "/" });
  await load.more(200);
  process.kill(pid, "SIGKILL");
  await load.more(500);
  await eventually(
    "the stack to be ready again",
    async () => {
      const status = await project.status();
      const pids = status.processes.map((process) => process.pid);
      return !isAlive(pid) && !pids.includes(pid) && status.state === "ready" && status;
    },
    30_000,
  );
  await load.more(200);
  return load.stop();
}

/** Of each thread; 3 is SCHED_BATCH (proc(5), the 41st field). */
function policiesOf(pid: number): (string | undefined)[] {
  return readdirSync(`/proc/${pid}/task`).map(
    (thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1").split(") ")[1]?.split(" ")[38],
  );
}

function pidOf(
  list: readonly { readonly name: string; readonly pid: number | null }[],
  name: string,
): number {
  const found = list.find((entry) => entry.name === name)?.pid;
  if (found === undefined || found === null)
    throw new Error(`no ${name} in ${JSON.stringify(list)}`);
  return found;
}

test("no request fails when a worker is killed, and it is replaced", async () => {
  await using project = await startShop();
  const [worker] = (await project.status()).apps[0]?.workers ?? [];

  const result = await killUnderLoad(project, worker?.pid ?? 0);

  expect(result.failures).toEqual([]);
  const after = (await project.status()).apps[0]?.workers.find(({ id }) => id === worker?.id);
  expect(after).toMatchObject({ state: "ready", restarts: 1, lastExit: { signal: "SIGKILL" } });
});

test("no request fails when a worker of many threads is killed", async () => {
  await using project = await startShop(", threads: 8");
  const [worker] = (await project.status()).apps[0]?.workers ?? [];

  const result = await killUnderLoad(project, worker?.pid ?? 0);

  expect(result.failures).toEqual([]);
});

test("no request fails when a zygote is killed", async () => {
  await using project = await startShop();
  const status = await project.status();
  const arbiter = pidOf(status.processes, "web-1");
  const zygote = processesMentioning(project.folder).find(({ parent }) => parent === arbiter);
  if (zygote === undefined) throw new Error("no zygote");

  const result = await killUnderLoad(project, zygote.pid);

  expect(result.failures).toEqual([]);
});

test("no request fails when one of two arbiters is killed", async () => {
  await using project = await startShop();
  const result = await killUnderLoad(project, pidOf((await project.status()).processes, "web-1"));
  expect(result.failures).toEqual([]);
});

test("no request fails when stackd is killed, and its successor restarts the next worker that dies", async () => {
  await using project = await startShop();
  const before = await project.status();

  const result = await killUnderLoad(project, pidOf(before.processes, "stackd"));

  expect(result.failures).toEqual([]);
  const after = await project.status();
  expect(pidOf(after.processes, "edge")).toBe(pidOf(before.processes, "edge"));
  expect(after.apps[0]?.workers.map(({ pid }) => pid)).toEqual(
    before.apps[0]?.workers.map(({ pid }) => pid),
  );
  const next = await killUnderLoad(project, after.apps[0]?.workers[0]?.pid ?? 0);
  expect(next.failures).toEqual([]);
});

test("only requests in flight and idle connections are cut when the edge is killed, none refused", async () => {
  await using project = await startShop();

  const result = await killUnderLoad(project, pidOf((await project.status()).processes, "edge"));

  const isCut = ({ what }: LoadFailure): boolean => what === "ECONNRESET" || what === "cut off";
  const cut = result.failures.filter(isCut);
  expect(cut.length).toBeLessThanOrEqual(8); // one for each of the eight connections
  // Where the next edge takes longer than five seconds to come, the fall-back answers until then.
  const others = result.failures.filter((failure) => !isCut(failure));
  expect(others.filter(({ what }) => what !== "503")).toEqual([]);
  // The next one, like the first, does not interrupt who wakes it (ADR 26).
  const next = pidOf((await project.status()).processes, "edge");
  await eventually(
    "the batch policy of its threads",
    () => new Set(policiesOf(next)).size === 1 && policiesOf(next)[0] === "3",
  );
});

test("everything ends cleanly when the keeper is killed, and the next up starts clean", async () => {
  await using project = await startShop();
  const { processes } = await project.status();

  process.kill(pidOf(processes, "keeper"), "SIGKILL");
  await eventually("everything to end", () => project.leftovers().length === 0, 40_000);

  const status = await project.up();
  expect(status.state).toBe("ready");
});

test("the next up cleans what kill -9 of every process left, and down leaves nothing", async () => {
  await using project = await startShop();
  for (const { pid } of processesMentioning(project.folder)) signalIfAlive(pid, "SIGKILL");
  await eventually("all to be dead", () => processesMentioning(project.folder).length === 0);

  const status = await project.up();
  expect(status.state).toBe("ready");
  const down = await project.stack("down");

  expect(down.code).toBe(0);
  expect(project.leftovers()).toEqual([]);
});
