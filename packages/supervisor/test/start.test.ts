import { existsSync, readdirSync } from "node:fs";
import { isRunning, readLogs } from "@stack/process";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createTestStack } from "./fixtures/stack-of-a-test.ts";

// Whole stacks: a busy machine needs a while for each.
const shop = `apps: { shop: { kind: "wsgi", cwd: "app", app: "app:application", instances: 2, workers: 2 } },`;

test("up starts every service, and down leaves nothing behind", async () => {
  await using stack = createTestStack(`${shop} redis: false,`);
  const keeperPid = await stack.up();
  const client = await stack.client();

  await client.request({ op: "wait-ready" });
  const status = await stack.status();
  expect(status.state).toBe("ready");
  expect(status.processes.map((one) => `${one.name} ${one.state}`)).toEqual([
    "keeper ready",
    "stackd ready",
    "edge ready",
    "shop-1 ready",
    "shop-2 ready",
  ]);
  expect(status.apps[0]).toMatchObject({ name: "shop", state: "ready", desired: 4, ready: 4 });
  expect((await fetch(await stack.url())).status).toBe(200);

  await client.request({ op: "down", now: false });
  await eventually("the keeper to end", () => !existsSync(`/proc/${keeperPid}`));
  const pids = status.processes.map((one) => one.pid ?? 0);
  expect(pids.filter((pid) => isRunning(pid, 0) || existsSync(`/proc/${pid}`))).toEqual([]);
  expect(readdirSync(stack.paths.state)).toEqual(["logs"]);
  const lines = readLogs({ folder: stack.paths.logs, names: ["shop"], lines: 100 });
  expect(lines.map((line) => `${line.source} ${line.text}`)).toContain(
    "shop-2.1 generation 1 of r1",
  );
});
