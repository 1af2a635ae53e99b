import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { runToEnd } from "@stack/process";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createTestStack } from "./fixtures/stack-of-a-test.ts";
import { upAsNobody } from "./fixtures/unprivileged.ts";

// Whole stacks: a busy machine needs a while for each.
async function listenSomewhere(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, "0.0.0.0");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { server, port: address.port };
}

test("a port in use is told with its place, its holder and what to do", async () => {
  const { server, port } = await listenSomewhere();
  await using stack = createTestStack(`edge: {\n    listen: [${port}],\n  },`);

  await expect(stack.up({ freePorts: false })).rejects.toMatchObject({
    code: "E2001",
    report: {
      exit: 4,
      title: `Port ${port} is already in use`,
      place: { line: 4, configPath: "edge.listen[0]" },
      facts: [expect.stringMatching(new RegExp(`^held by pid ${process.pid}  .*user root`))],
      fixes: [
        expect.stringMatching(`kill ${process.pid}`),
        expect.stringMatching("stack up --port"),
      ],
    },
  });
  expect(readdirSync(stack.paths.state)).toEqual(["config", "logs"]);
  server.close();
});

test("a port held by another stack is told as that", async () => {
  const { server, port } = await listenSomewhere();
  server.close();
  await once(server, "close");
  await using other = createTestStack(`edge: { listen: [${port}] }, redis: false,`);
  await other.up({ freePorts: false });
  const client = await other.client();
  await client.request({ op: "wait-ready" });
  await using stack = createTestStack(`edge: { listen: [${port}] },`);

  await expect(stack.up({ freePorts: false })).rejects.toMatchObject({
    code: "E2001",
    report: { fixes: [`stack -C ${other.folder} down`, expect.anything()] },
  });
});

test("--port stands in for the first port of the config", async () => {
  const taken = await listenSomewhere();
  const free = await listenSomewhere();
  free.server.close();
  await once(free.server, "close");
  await using stack = createTestStack(
    `edge: { listen: ["127.0.0.1:${taken.port}"] }, redis: false,`,
  );
  await stack.up({ freePorts: false, port: free.port });
  expect(await stack.url()).toBe(`http://127.0.0.1:${free.port}`);
  taken.server.close();
});

test("port 80 needs a capability that this user lacks", async ({ skip }) => {
  if (process.getuid?.() !== 0) skip("only root can start a keeper as another user");
  await using stack = createTestStack("edge: { listen: [80] },");
  chmodSync(stack.folder, 0o777);

  expect(await upAsNobody(stack)).toMatchObject({
    error: {
      code: "E2002",
      exit: 4,
      title: "Not allowed to listen on port 80",
      place: { line: 3, configPath: "edge.listen[0]", value: expect.stringMatching("80") },
      facts: [expect.stringMatching(/user nobody \(uid 65534\)/)],
    },
  });
});

test("a state folder that cannot be written to is told", async ({ skip }) => {
  if (process.getuid?.() !== 0) skip("only root can start a keeper as another user");
  await using stack = createTestStack("");
  chmodSync(stack.folder, 0o755);
  expect(await upAsNobody(stack)).toMatchObject({ error: { code: "E2402", exit: 4 } });
});

test("a second up of the same project is told about the first", async () => {
  await using stack = createTestStack("redis: false,");
  const first = await stack.up();
  await expect(stack.up()).rejects.toMatchObject({
    code: "E2003",
    report: { exit: 75, facts: [expect.stringMatching(`keeper pid ${first}, up `)] },
  });
  expect((await stack.status()).processes[0]?.pid).toBe(first);
  // Also of another config in its folder: the one that runs is named.
  const other = join(stack.folder, "other.config.ts");
  copyFileSync(stack.config, other);
  await expect(stack.up({ config: other })).rejects.toMatchObject({
    code: "E2003",
    report: { facts: [expect.stringContaining(`${stack.config}: keeper pid ${first}, up `)] },
  });
});

test("of two at once, over the lock of a keeper that died, one starts", async () => {
  await using stack = createTestStack("redis: false,");
  mkdirSync(stack.paths.state);
  writeFileSync(stack.paths.lock, "999999999 1\n");

  const outcomes = await Promise.allSettled([stack.up(), stack.up(), stack.up()]);

  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual([
    "E2003",
    "E2003",
  ]);
  expect(await stack.status()).toMatchObject({ stack: "test" });
});

test("an invalid config is told, and nothing stays", async () => {
  await using stack = createTestStack(`apps: { shop: { kind: "wsgy" } },`);
  await expect(stack.up()).rejects.toMatchObject({ code: "E1002", report: { exit: 3 } });
  expect(readdirSync(stack.paths.state)).toEqual(["config", "logs"]);
});

test("a config that ends its process ends only that", async () => {
  await using stack = createTestStack("");
  writeFileSync(stack.config, "process.exit(0);\n");
  await expect(stack.up()).rejects.toMatchObject({ report: { exit: 3 } });
});

test("an address that this machine does not have is told", async () => {
  await using stack = createTestStack(`edge: { listen: ["192.0.2.1:8080"] },`);
  await expect(stack.up({ freePorts: false })).rejects.toMatchObject({
    code: "E2005",
    report: { exit: 4, title: "Cannot listen on 192.0.2.1:8080" },
  });
});

test("a Unix socket in a folder that does not exist is told", async () => {
  await using stack = createTestStack(`edge: { listen: ["unix:/nonexistent/edge.sock"] },`);
  await expect(stack.up({ freePorts: false })).rejects.toMatchObject({
    report: { exit: 4, title: expect.stringMatching("unix:/nonexistent/edge.sock") },
  });
});

test("a Unix socket nobody listens on any more is taken over, and removed in the end", async () => {
  await using stack = createTestStack("");
  const path = join(stack.folder, "edge.sock");
  const script = `require("net").createServer().listen("${path}", () => process.kill(process.pid, "SIGKILL"))`;
  await runToEnd([process.execPath, "-e", script], { cwd: "/", env: {}, deadlineMs: 10_000 });
  expect(existsSync(path)).toBe(true);
  stack.write(`edge: { listen: ["unix:${path}"] }, redis: false,`);

  await stack.up({ freePorts: false });
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  expect(await stack.url()).toBe(`unix:${path}`);
  await client.request({ op: "down", now: false });
  await eventually("the socket to be gone", () => !existsSync(path));
});

test("a program that always fails is given up, with its last words", async () => {
  await using stack = createTestStack(
    `programs: {\n    jobs: { command: ["sh", "-c", "echo no database >&2; exit 3"] },\n  }, redis: false,`,
  );
  await stack.up();
  const client = await stack.client();

  await expect(client.request({ op: "wait-ready" })).rejects.toMatchObject({
    code: "E3101",
    report: {
      exit: 5,
      title: "jobs crashed 6 times in a row",
      place: { line: 4, configPath: "programs.jobs" },
      facts: ["exit 3, the last time with:", "    no database", expect.anything()],
    },
  });
  const { processes, state } = await stack.status();
  expect(state).toBe("degraded");
  expect(processes.find((one) => one.name === "jobs")).toMatchObject({
    state: "crashed",
    restarts: 5,
    lastExit: { code: 3, reason: "exit 3", stderr: ["no database"] },
  });
});

test("a program that cannot be started at all is told as that", async () => {
  await using stack = createTestStack(
    `programs: { jobs: { command: ["./no-such-program"], restart: "never" } }, redis: false,`,
  );
  await stack.up();
  const client = await stack.client();
  await expect(client.request({ op: "wait-ready" })).rejects.toMatchObject({
    code: "E3101",
    report: { facts: [expect.stringMatching(/cannot be started: .*ENOENT/), expect.anything()] },
  });
});

test("a redis-server that does not run is told", async () => {
  await using stack = createTestStack(`redis: "managed",`);
  const server = join(stack.folder, "redis-server");
  writeFileSync(server, "#!/bin/sh\necho 'Fatal: bad luck' >&2\nexit 1\n", { mode: 0o755 });
  await stack.up({}, { PATH: `${stack.folder}:/usr/bin:/bin` });
  const client = await stack.client();
  await expect(client.request({ op: "wait-ready" })).rejects.toMatchObject({
    code: "E2301",
    report: { exit: 4, facts: ["exit 1", "Fatal: bad luck"] },
  });
});

test("a keeper that dies before it answers is told", async () => {
  await using stack = createTestStack("");
  await expect(stack.up({ config: "/nonexistent/deploy.config.ts" })).rejects.toMatchObject({
    code: "E2006",
    report: { exit: 4 },
  });
});

test("scaling what is no app is refused", async () => {
  await using stack = createTestStack(
    `redis: false, programs: { jobs: { command: ["sleep", "1000"] } },`,
  );
  await stack.up();
  const client = await stack.client();
  await expect(client.request({ op: "scale", name: "jobs", workers: 2 })).rejects.toMatchObject({
    code: "E3005",
  });
});
