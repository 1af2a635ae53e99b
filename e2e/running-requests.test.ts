/** What is running now, where, and for how long; and what workers said before they ended. */
import type { RunningRequest } from "@stack/control";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createProject } from "./support/stack.ts";

const app = `import os
import sys
import time


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/report":
        while not os.path.exists("go"):
            time.sleep(0.02)
    if path == "/raises":
        raise ValueError("no such report")
    if path == "/ends":
        sys.stderr.write("the pool is broken\\n")
        os._exit(9)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
`;

test("stack requests and status say what runs, where, for whom and for how long", async () => {
  await using project = await createProject(
    (port) => `{
      name: "shop",
      redis: false,
      edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "web" }] },
      apps: { web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", workers: 1, timeout: "10m",
        queue: { timeout: "10m" } } },
    }`,
    { "web.py": app },
  );
  await project.up();
  const url = `http://127.0.0.1:${project.port}`;
  const list = async (...names: string[]): Promise<readonly RunningRequest[]> => {
    const { stdout } = await project.stack("requests", ...names, "--json");
    return (JSON.parse(stdout) as { data: { requests: RunningRequest[] } }).data.requests;
  };
  const webOne = async () => (await project.status()).apps[0]?.workers[0];

  const first = fetch(`${url}/report?y=2026`);
  await eventually("the first to run", async () => (await list())[0]?.state === "running", 60_000);
  const second = fetch(`${url}/next`);
  const running = await eventually(
    "the second to wait",
    async () => {
      const found = await list();
      return found.length === 2 && found;
    },
    60_000,
  );

  expect(running).toMatchObject([
    {
      state: "running",
      app: "web",
      servedBy: "web-1.1",
      method: "GET",
      url: `${url}/report?y=2026`,
      client: "127.0.0.1",
    },
    { state: "queued", app: "web", servedBy: "", url: `${url}/next` },
  ]);
  expect(running[0]?.ageMs).toBeGreaterThan(running[1]?.ageMs ?? 0);
  expect(await list("web-1.1")).toHaveLength(1);
  const { stdout } = await project.stack("requests");
  expect(stdout).toMatch(/running +web-1\.1 +127\.0\.0\.1 +GET http:.*\/report\?y=2026/);
  expect(
    await eventually(
      "a figure of the edge",
      async () => {
        const worker = await webOne();
        return worker !== undefined && worker.busyPercent > 0 && worker;
      },
      60_000,
    ),
  ).toMatchObject({
    inFlight: 1,
    exceptions: 0,
    current: { method: "GET", url: `${url}/report?y=2026`, client: "127.0.0.1" },
  });

  project.write("go", "");
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  expect((await fetch(`${url}/raises`)).status).toBe(500);
  await eventually("it to be counted", async () => (await webOne())?.exceptions === 1, 60_000);
  expect((await fetch(`${url}/ends`, { method: "POST" })).status).toBe(502);
  const ended = await eventually(
    "its last words",
    async () => {
      const worker = await webOne();
      return worker?.exits.at(-1)?.stderr !== undefined && worker;
    },
    60_000,
  );
  expect(ended.exits.at(-1)).toMatchObject({ code: 9, reason: "exit 9" });
  expect(ended.exits.at(-1)?.stderr?.at(-1)).toBe("the pool is broken");
  const metrics = (await project.stack("metrics")).stdout;
  expect(metrics).toMatch(/stack_worker_busy_ratio\{app="web",worker="web-1\.1"\} /);
  expect(await list()).toEqual([]);
}, 240_000);
