import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { readLogs } from "@stack/process";
import { eventually, exchangeRaw } from "@stack/testkit";
import { expect, test } from "vitest";
import { createTestStack } from "./fixtures/stack-of-a-test.ts";

// Whole stacks: a busy machine needs a while for each.
async function askRedis(path: string, command: string): Promise<string> {
  const socket = connect({ path }).setEncoding("latin1");
  socket.write(`${command}\r\n`);
  const [reply] = (await once(socket, "data")) as [string];
  socket.destroy();
  return reply.trim();
}

test("redis comes first, then apps, then programs that depend on them", async () => {
  await using stack = createTestStack(
    `redis: { memory: "96mb" },
    apps: { shop: { kind: "wsgi", cwd: "app", app: "app:application" } },
    programs: {
      last: { command: ["sh", "-c", "echo REDIS_URL is $REDIS_URL; exec sleep 1000"], dependsOn: { shop: "ready", middle: "ready" } },
      middle: { command: ["sleep", "1000"], dependsOn: { redis: "ready" } },
    },`,
  );
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });

  const { events } = await stack.status();
  const ready = events.filter((event) => event.text === "ready").map((event) => event.source);
  expect(ready.indexOf("redis")).toBeLessThan(ready.indexOf("shop-1"));
  expect(ready.indexOf("redis")).toBeLessThan(ready.indexOf("middle"));
  expect(ready.indexOf("middle")).toBeLessThan(ready.indexOf("last"));
  const socket = join(stack.paths.run, "redis.sock");
  const url = `REDIS_URL is unix://${socket}`;
  await eventually("both to have said what they were given", () => {
    const lines = readLogs({ folder: stack.paths.logs, names: ["shop", "last"], lines: 50 });
    const said = lines.filter((line) => line.text === url).map((line) => line.source);
    return said.includes("shop-1") && said.includes("last");
  });

  expect(await askRedis(socket, "SET greeting hello")).toBe("+OK");
  expect(await askRedis(socket, "CONFIG GET maxmemory")).toContain(String(96 * 2 ** 20));
  const before = await stack.pidOf("redis");
  process.kill(before, "SIGTERM"); // redis' own orderly end, which keeps the data
  await eventually("redis to be back", async () => {
    const found = (await stack.status()).processes.find((one) => one.name === "redis");
    return found?.state === "ready" && found.pid !== before;
  });
  expect(await askRedis(socket, "GET greeting")).toBe("$5\r\nhello");
});

test("with no edge for five seconds the fall-back answers 503, until one is ready", {
  timeout: 60_000,
}, async () => {
  await using stack = createTestStack(
    `redis: false, edge: { listen: [8080, { address: "unix:/tmp/fast.sock", protocol: "fastcgi" }] },`,
  );
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  const url = await stack.url();
  process.kill(await stack.pidOf("stackd"), "SIGSTOP"); // nobody decides
  const edge = readFileSync(join(stack.paths.state, "processes.json"), "utf8");
  const records = JSON.parse(edge) as { name: string; pid: number }[];
  const pidOf = (name: string) => records.find((one) => one.name === name)?.pid ?? 0;
  process.kill(pidOf("edge@1"), "SIGKILL");

  const answer = await eventually("a 503", async () => {
    const got = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    return got.status === 503 && got;
  });
  expect(answer.headers.get("retry-after")).toBe("5");
  const begin = "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00";
  const fast = await exchangeRaw({ path: join(stack.paths.run, "listen-1.sock") }, [begin]);
  expect(fast.startsWith("\x01\x06\x00\x01")).toBe(true);
  expect(fast).toContain("Status: 503 ");
  expect(fast).toContain("\x01\x03\x00\x01\x00\x08");

  process.kill(pidOf("stackd"), "SIGCONT");
  await eventually("a real edge", async () => (await fetch(url)).status === 200);
  await eventually("the fall-back to be gone", () => {
    return !readFileSync(join(stack.paths.state, "processes.json"), "utf8").includes("fallback");
  });
});

test("no line of a child is lost when stackd is killed", async () => {
  await using stack = createTestStack(
    `redis: false, programs: { jobs: { command: ["sh", "-c", "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; sleep 0.05; done; exec sleep 1000"] } },`,
  );
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  process.kill(await stack.pidOf("stackd"), "SIGKILL");

  const lines = await eventually("the last line", () => {
    const read = readLogs({ folder: stack.paths.logs, names: ["jobs"], lines: 100 });
    return read.at(-1)?.text === "line 40" && read;
  });
  expect(lines.map((line) => line.text)).toEqual(
    Array.from({ length: 40 }, (_, index) => `line ${index + 1}`),
  );
});

test("requests, rates and the use of processes are in the status", async () => {
  await using stack = createTestStack(
    `redis: false, apps: { shop: { kind: "wsgi", cwd: "app", app: "app:application", workers: 1 } },`,
  );
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  await client.request({ op: "watch" });
  for (let number = 0; number < 10; number += 1) await fetch(await stack.url());

  const status = await eventually("the numbers", async () => {
    const now = await stack.status();
    const measured = now.processes.every((one) => one.cpuPercent !== null);
    return now.apps[0]?.workers[0]?.requests === 10 && measured && now;
  });
  expect(status.edge).toMatchObject({ answers: [0, 0, 10, 0, 0, 0], latencyMs: { p50: 1 } });
  const stackd = status.processes.find((one) => one.name === "stackd");
  expect(stackd?.memoryBytes).toBeGreaterThan(1_000_000);
  expect(stackd?.cpuPercent).toBeGreaterThanOrEqual(0);
});

test("the keeper is small", async () => {
  await using stack = createTestStack("redis: false,");
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  const { processes } = await stack.status();
  const megabytes = (name: string) =>
    (processes.find((one) => one.name === name)?.memoryBytes ?? Infinity) / 2 ** 20;
  expect(megabytes("keeper")).toBeLessThan(35);
  expect(megabytes("stackd")).toBeLessThan(70);
});

test("down --now cuts off a program that ignores SIGTERM", async () => {
  await using stack = createTestStack(
    `redis: false, programs: { jobs: { command: ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"] } },`,
  );
  const keeperPid = await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  const startedMs = performance.now();
  await client.request({ op: "down", now: true });
  expect(performance.now() - startedMs).toBeLessThan(10_000); // what it would be given otherwise
  await eventually("the keeper to end", () => {
    try {
      return !process.kill(keeperPid, 0);
    } catch {
      return true;
    }
  });
});

test("what a program left behind in another session is ended with the stack", async () => {
  await using stack = createTestStack(
    `redis: false, programs: { jobs: { command: ["sh", "-c", "setsid sleep 4321 & echo $!; exec sleep 1000"] } },`,
  );
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  const runaway = await eventually("its pid", () => {
    const [line] = readLogs({ folder: stack.paths.logs, names: ["jobs"], lines: 1 });
    return line !== undefined && Number(line.text);
  });
  await eventually("it to be on its own", () =>
    readFileSync(`/proc/${runaway}/cmdline`, "utf8").startsWith("sleep"),
  );
  await client.request({ op: "down", now: false });
  await eventually("it to be gone", () => {
    try {
      return readFileSync(`/proc/${runaway}/cmdline`, "utf8") === ""; // a zombie of init's
    } catch {
      return true;
    }
  });
});
