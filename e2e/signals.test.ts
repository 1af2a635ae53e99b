/** Signals to an arbiter do what a gunicorn user expects, and stackd knows of it. */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { StatusData } from "@stack/control";
import { eventually, isAlive } from "@stack/testkit";
import { expect, test } from "vitest";
import { wsgiApp } from "./support/apps.ts";
import { createProject, type Project } from "./support/stack.ts";

const config = (port: number): string => `{
  name: "shop",
  redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 1, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", workers: 1 } },
}`;

function arbiterOf(status: StatusData): number {
  const pid = status.processes.find(({ name }) => name === "web-1")?.pid;
  if (pid === null || pid === undefined) throw new Error("no arbiter");
  return pid;
}

async function until(project: Project, what: string, accept: (status: StatusData) => boolean) {
  const probe = async () => {
    const status = await project.status();
    return accept(status) && status;
  };
  return await eventually(what, probe, 60_000);
}

const workersOf = (status: StatusData) => status.apps[0]?.workers ?? [];
const desired = (count: number) => (status: StatusData) =>
  status.apps[0]?.desired === count && status.apps[0].ready === count && status.state === "ready";

test("TTIN, TTOU, HUP, USR1 and QUIT to an arbiter", async () => {
  await using project = await createProject(config, { "web.py": wsgiApp("v1") });
  const arbiter = arbiterOf(await project.up());

  // One after the other: the kernel may merge two that are pending.
  for (const [signal, count] of [
    ["SIGTTIN", 2],
    ["SIGTTIN", 3],
    ["SIGTTOU", 2],
    ["SIGTTOU", 1],
  ] as const) {
    process.kill(arbiter, signal);
    await until(project, `${count} workers`, desired(count));
  }

  project.write("web.py", wsgiApp("v2"));
  process.kill(arbiter, "SIGHUP");
  const reloaded = await until(
    project,
    "a new generation",
    (status) => workersOf(status).length === 1 && (workersOf(status)[0]?.generation ?? 0) > 1,
  );
  expect(arbiterOf(reloaded)).toBe(arbiter);
  expect(await (await fetch(`http://127.0.0.1:${project.port}/`)).text()).toBe("v2");

  const log = join(project.folder, ".stack/logs/web-1.log");
  renameSync(log, `${log}.moved`);
  process.kill(arbiter, "SIGUSR1");
  await eventually("a new log file", () => existsSync(log), 60_000);

  process.kill(arbiter, "SIGQUIT");
  const stopped = await until(project, "it to be stopped", (status) =>
    status.processes.some(({ name, state }) => name === "web-1" && state === "stopped"),
  );
  expect(isAlive(arbiter)).toBe(false);
  expect(stopped.events.map(({ text }) => text)).toContain("got SIGQUIT: stop at once");

  expect((await project.stack("start", "web")).code).toBe(0);
  await until(project, "one worker again", desired(1));
}, 180_000);

test("TERM to an arbiter drains: what runs is answered, and the app is stopped", async () => {
  await using project = await createProject(config, { "web.py": wsgiApp("v1") });
  const arbiter = arbiterOf(await project.up());
  const held = fetch(`http://127.0.0.1:${project.port}/held`);
  await until(project, "the request", (status) => status.apps[0]?.inFlight === 1);

  process.kill(arbiter, "SIGTERM");
  await until(project, "the drain", (status) =>
    status.processes.some(({ name, state }) => name === "web-1" && state === "draining"),
  );
  project.write("let-go", "");

  expect((await held).status).toBe(200);
  await until(project, "it to be stopped", (status) =>
    status.processes.some(({ name, state }) => name === "web-1" && state === "stopped"),
  );
}, 120_000);
