import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import {
  findByEnvironment,
  isRunning,
  readCpuTicks,
  readMemoryBytes,
  readStartTime,
  runToEnd,
  setBatchPolicy,
  signalGroup,
  spawnChild,
} from "@stack/process";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { env } from "./fixtures/environment.ts";

const here = { cwd: "/", env };
const stubborn = fileURLToPath(new URL("./fixtures/ignores-sigterm.ts", import.meta.url));

test("a signal reaches the whole process group, and the exit says which", async () => {
  const child = await spawnChild({
    command: [process.execPath, stubborn],
    ...here,
    stdout: "pipe",
  });
  const [line] = (await once(child.stdout?.setEncoding("utf8") ?? process, "data")) as [string];
  const grandchild = Number(line.split(" ")[1]);
  expect(child.startTime).toBe(readStartTime(child.pid));

  expect(child.signal("SIGTERM")).toBe(true);
  expect(isRunning(child.pid, child.startTime)).toBe(true);
  child.signal("SIGKILL");

  expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
  await eventually("the grandchild to end", () => readStartTime(grandchild) === undefined);
  expect(isRunning(child.pid, child.startTime)).toBe(false);
});

test("a child, whoever it runs as, can open what it prints to by name", async () => {
  const child = await spawnChild({
    command: ["/bin/sh", "-c", "echo said > /dev/stdout; echo logged > /proc/self/fd/2"],
    ...here,
    ...(process.getuid?.() === 0 ? { user: { uid: 65534, gid: 65534 } } : {}),
    stdout: "pipe",
    stderr: "pipe",
  });
  const read = async (stream: Readable | null): Promise<string> => {
    let text = "";
    for await (const chunk of stream?.setEncoding("utf8") ?? []) text += chunk;
    return text;
  };

  const printed = await Promise.all([read(child.stdout), read(child.stderr)]);

  expect(printed).toEqual(["said\n", "logged\n"]);
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test("descriptors are passed on, pipes and the channel speak both ways", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/s.sock`;
  const server = createServer().listen(path);
  await once(server, "listening");
  const script = `
    const fs = require("node:fs");
    const { Socket } = require("node:net");
    const pipe = new Socket({ fd: 3 });
    pipe.on("data", (data) => pipe.write("echo " + data));
    process.on("message", (message) => process.send({ got: message, isSocket: fs.fstatSync(4).isSocket() }));
    process.on("disconnect", () => process.exit(7));`;
  const descriptor = (server as unknown as { _handle: { fd: number } })._handle.fd;
  const child = await spawnChild({
    command: [process.execPath, "-e", script],
    ...here,
    extra: ["pipe", descriptor, "ipc"],
  });
  const message = new Promise((done) => {
    child.onMessage = done;
  });
  const [pipe] = child.pipes;

  pipe?.write("hello");
  expect(String((await once(pipe ?? process, "data"))[0])).toBe("echo hello");
  expect(child.send({ ping: 1 })).toBe(true);
  expect(await message).toEqual({ got: { ping: 1 }, isSocket: true });

  child.signal("SIGKILL");
  await child.exited;
  await eventually("the channel to close", () => !child.send({}));
  server.close();
});

test.for<[string, readonly [string, ...string[]], string, string]>([
  ["a program that is not there", ["/nonexistent/program"], "/", "ENOENT"],
  ["a folder that is not there", ["true"], "/nonexistent", "ENOENT"],
  ["a file that is no program", ["/etc/passwd"], "/", "EACCES"],
])("%s is refused with its reason", async ([, command, cwd, code]) => {
  await expect(spawnChild({ command, cwd, env })).rejects.toMatchObject({ code });
});

test("a short-lived child: what it said, where, and how it ended", async () => {
  const result = await runToEnd(["sh", "-c", "echo out; echo err >&2; echo three >&3; exit 4"], {
    ...here,
    deadlineMs: 60_000,
    fd3: true,
  });
  expect(result).toEqual({
    code: 4,
    signal: null,
    timedOut: false,
    stdout: "out\n",
    stderr: "err\n",
    fd3: "three\n",
  });
});

test("one that takes too long is killed with all it started", async () => {
  const result = await runToEnd(["sh", "-c", "sleep 1000 & echo $!; wait"], {
    ...here,
    deadlineMs: 300,
  });
  expect(result).toMatchObject({ timedOut: true, signal: "SIGKILL" });
  const grandchild = Number(result.stdout);
  await eventually("its child to end", () => readStartTime(grandchild) === undefined);
});

test("one that ends but leaves somebody with its output is not waited for", async () => {
  const startedMs = performance.now();
  await runToEnd(["sh", "-c", "sleep 1000 & exit 0"], { ...here, deadlineMs: 60_000 });
  const result = await runToEnd(["sh", "-c", "setsid sleep 1000 & echo $!; exit 0"], {
    ...here,
    deadlineMs: 60_000,
  });
  process.kill(Number(result.stdout), "SIGKILL");
  expect(performance.now() - startedMs).toBeLessThan(30_000);
});

test("/proc tells memory and processor time, and finds who carries a mark", async () => {
  using folder = tempFolder();
  mkdirSync(`${folder.path}/x`);
  const child = await spawnChild({
    command: ["sh", "-c", "setsid sleep 1000 & wait"],
    cwd: "/",
    env: { ...env, MARK_OF_A_TEST: folder.path },
  });
  const found = await eventually("both to be found", () => {
    const pids = findByEnvironment("MARK_OF_A_TEST", folder.path);
    return pids.length === 2 && pids;
  });
  expect(found).toContain(child.pid);
  expect(readMemoryBytes(child.pid)).toBeGreaterThan(0);
  expect(readCpuTicks(child.pid)).toBeGreaterThanOrEqual(0);
  for (const pid of found) process.kill(pid, "SIGKILL");
  await child.exited;
  expect(readMemoryBytes(child.pid)).toBeUndefined();
});

test("nobody is left to signal once a group is gone", async () => {
  const child = await spawnChild({ command: ["true"], ...here });
  await child.exited;
  expect(child.signal("SIGKILL")).toBe(false);
  expect(signalGroup(child.pid, 0)).toBe(false);
});

test("the batch policy is that of all threads of a process; for one that is gone there is none", async () => {
  const child = await spawnChild({
    command: [process.execPath, stubborn],
    ...here,
    stdout: "pipe",
  });
  await once(child.stdout ?? process, "data"); // it runs, on several threads
  // proc(5): the 41st field; 3 is SCHED_BATCH.
  const policyOf = (thread: string): string | undefined =>
    readFileSync(`/proc/${child.pid}/task/${thread}/stat`, "latin1").split(") ")[1]?.split(" ")[38];

  await setBatchPolicy(child.pid);

  const policies = readdirSync(`/proc/${child.pid}/task`).map(policyOf);
  expect(policies.length).toBeGreaterThan(1);
  expect(new Set(policies)).toEqual(new Set(["3"]));
  child.signal("SIGKILL");
  await child.exited;
  await expect(setBatchPolicy(child.pid)).resolves.toBeUndefined();
});
