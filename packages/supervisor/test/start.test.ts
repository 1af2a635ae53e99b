import { existsSync, readdirSync } from "node:fs";
import { isRunning, readLogs } from "@stack/process";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { loadConfig } from "../src/io/stackd/load-config.ts";
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
  expect(readdirSync(stack.paths.state)).toEqual(["config", "logs"]);
  const lines = readLogs({ folder: stack.paths.logs, names: ["shop"], lines: 100 });
  expect(lines.map((line) => `${line.source} ${line.text}`)).toContain(
    "shop-2.1 generation 1 of r1",
  );
});

test("a config that who starts the stack has evaluated is not evaluated again, also after stackd's death", async () => {
  await using stack = createTestStack(`${shop} redis: false,`);
  const env = { PATH: "/usr/bin:/bin" };
  const config = await loadConfig(stack.config, stack.paths.state, env);
  stack.write("} this cannot be parsed");

  await stack.up({}, {}, Promise.resolve(config));
  await (await stack.client()).request({ op: "wait-ready" });

  const before = await stack.pidOf("stackd");
  process.kill(before, "SIGKILL");
  await eventually("its successor", async () => {
    const now = await stack.pidOf("stackd").catch(() => before);
    return now !== before;
  });
  await eventually("all to be seen", async () => (await stack.status()).state === "ready");
});

test("a config that could not be evaluated is evaluated by stackd", async () => {
  await using stack = createTestStack(`${shop} redis: false,`);

  await stack.up({}, {}, Promise.reject(new Error("no loader")));
  await (await stack.client()).request({ op: "wait-ready" });

  expect((await stack.status()).state).toBe("ready");
});
