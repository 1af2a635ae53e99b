/** The edge as a process: plans, draining, the death of its parts and of those around it. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { eventually, exchangeRaw, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge } from "./edge-process.ts";
import { startWorker, type WorkerRequest } from "./fake-worker.ts";
import { threadSteps } from "./fixtures/thread-steps.ts";

const get = (path: string, fields = "Connection: close\r\n"): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;

const fixed = (body: string) =>
  route("/*", { kind: "respond", status: 200, body, type: "text/plain" });

/** An open connection, and what came on it. */
async function open(edge: EdgeProcess): Promise<{
  readonly socket: Socket;
  readonly received: () => string;
  readonly until: (text: string) => Promise<unknown>;
  readonly ended: Promise<unknown>;
}> {
  const socket = connect(edge.target);
  let all = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    all += piece;
  });
  socket.on("error", () => {});
  const ended = once(socket, "close");
  await once(socket, "connect");
  return {
    socket,
    received: () => all,
    until: (text) => eventually(text, () => all.includes(text)),
    ended,
  };
}

test("the edge's own socket is there, for its owner only, before it says it is ready, and gone after", async () => {
  await using edge = await startEdge();
  const path = join(edge.folder, "edge-1.sock");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const exited = once(edge.child, "exit");
  edge.send({ type: "drain", deadlineMs: 5_000 });
  expect(await exited).toEqual([0, null]);
  expect(existsSync(path)).toBe(false);
});

test("a burst of connections finds room in the kernel's queue", async () => {
  await using edge = await startEdge();
  const text = execFileSync("ss", ["-Hltn", "sport", "=", `:${edge.target.port}`], {
    encoding: "utf8",
  });
  const [, , room] = text.trim().split(/\s+/);
  const most = Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
  expect(Number(room)).toBe(Math.min(4096, most));
});

test("a new plan holds for the next request, on connections that were open before too", async () => {
  await using edge = await startEdge({ plan: { routes: [fixed("old")] } });
  const client = await open(edge);
  client.socket.write(get("/", ""));
  await client.until("old");
  await edge.configure({ routes: [fixed("new")] });
  client.socket.write(get("/"));
  await client.until("new");
  await client.ended;
});

test("a request that runs while the plan changes ends by the old one", async () => {
  await using edge = await startEdge();
  let held: WorkerRequest | undefined;
  await using worker = await startWorker(edge.folder, (request) => {
    held = request;
  });
  await edge.arbiter("shop", [worker.record]);
  const answer = exchangeRaw(edge.target, [get("/")]);
  const request = await eventually("the worker to have it", () => held);
  await edge.configure({ routes: [fixed("new")], apps: {} });
  await request.answer("from the app");
  expect(await answer).toMatch(/from the app$/);
  expect(await exchangeRaw(edge.target, [get("/")])).toMatch(/new$/);
});

test("draining: new connections are left to the successor, kept ones answered with close, idle ones closed, then exit 0", async () => {
  await using edge = await startEdge();
  let held: WorkerRequest | undefined;
  await using worker = await startWorker(edge.folder, (request) => {
    held = request;
  });
  await edge.arbiter("shop", [worker.record]);
  const busy = await open(edge);
  busy.socket.write(get("/slow", ""));
  const request = await eventually("the worker to have it", () => held);
  const idle = await open(edge);
  idle.socket.write(get("/fixed", ""));
  await idle.until("fixed");
  const kept = await open(edge);
  kept.socket.write(get("/fixed", ""));
  await kept.until("fixed");
  // A request is on its way: a connection without one is closed after a second.
  const [begun, rest] = [get("/fixed", "").slice(0, 20), get("/fixed", "").slice(20)];
  kept.socket.write(begun);

  const exited = once(edge.child, "exit");
  edge.send({ type: "drain", deadlineMs: 60_000 });
  await eventually("the drain to begin", () => edge.output().includes("draining"));
  kept.socket.write(rest);
  await kept.until("Connection: close");
  await kept.ended;
  await idle.ended;
  // Whoever comes now is for the successor, who has the same socket.
  const successor = createServer((socket) => socket.end("from the successor"));
  successor.listen({ fd: edge.descriptor });
  await eventually("the successor to be reached", async () => {
    return (await exchangeRaw(edge.target, [])) === "from the successor";
  });
  successor.close();
  await request.answer("finished");
  await busy.until("finished");
  expect(busy.received()).toContain("Connection: close");
  expect(await exited).toEqual([0, null]);
});

test("a drain ends at its deadline, whatever still runs", async () => {
  await using edge = await startEdge();
  await using worker = await startWorker(edge.folder, () => {});
  await edge.arbiter("shop", [worker.record]);
  const busy = await open(edge);
  busy.socket.write(get("/never", ""));
  await eventually("the worker to have it", () => worker.count() === 1);
  const exited = once(edge.child, "exit");
  edge.send({ type: "drain", deadlineMs: 300 });
  expect(await exited).toEqual([0, null]);
});

test("SIGTERM drains", async () => {
  await using edge = await startEdge();
  const exited = once(edge.child, "exit");
  edge.child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
});

test("the edge serves on while stackd is away, and when nobody reads its output", async () => {
  await using edge = await startEdge();
  await using worker = await startWorker(edge.folder, (request) => request.answer("alive"));
  edge.dropStackd();
  edge.child.stdout?.destroy();
  edge.child.stderr?.destroy();
  const arbiter = await edge.arbiter("shop", [worker.record]);
  expect(await exchangeRaw(edge.target, [get("/")])).toMatch(/alive$/);
  await using broken = await startWorker(edge.folder, (request) => request.head("nonsense\r\n"));
  arbiter.up(broken.record);
  await eventually("a line to have been written to the broken pipe", async () => {
    return /502/.test(await exchangeRaw(edge.target, [get("/")]));
  });
  expect(edge.child.exitCode).toBeNull();
});

test("a descriptor that cannot be listened on is reported, with the listener's name", async () => {
  await using edge = await startEdge({ configure: false, descriptor: "ignore" });
  const failed = nextEvent(edge.events, "message", (message) => message.type === "edge-failed");
  edge.sendPlan({});
  const [message] = await failed;
  expect(message).toMatchObject({
    error: { code: "E4001", title: expect.stringContaining("edge.listen[0]") },
  });
});

test("a thread that dies costs its connections only: the others serve, its slots come free", async () => {
  const steps = threadSteps("hold-0", "free", "hold-1", "free", "kill-1");
  await using edge = await startEdge({ threads: 2, nodeOptions: steps.nodeOptions });
  const requests: WorkerRequest[] = [];
  await using worker = await startWorker(edge.folder, (request) => void requests.push(request));
  await edge.arbiter("shop", [worker.record]);
  // One on the thread that will die has the worker, others wait there, and more on the thread that stays.
  await steps.next(edge);
  const dying = await Promise.all(Array.from({ length: 8 }, () => open(edge)));
  for (const client of dying) client.socket.write(get("/", ""));
  await eventually("one to have the worker", () => requests.length === 1);
  await eventually("the rest to wait", () => edge.metrics()?.apps[app]?.queue === 7);
  await steps.next(edge);
  await steps.next(edge);
  const staying = await Promise.all(Array.from({ length: 8 }, () => open(edge)));
  for (const client of staying) client.socket.write(get("/", ""));
  await eventually("all to wait", () => edge.metrics()?.apps[app]?.queue === 15);
  await steps.next(edge);

  const degraded = nextEvent(edge.events, "message", (message) => message.type === "edge-degraded");
  await steps.next(edge);
  await degraded;

  await Promise.all(dying.map(({ ended }) => ended));
  for (let index = 1; index <= staying.length; index += 1) {
    const request = await eventually(`request ${index}`, () => requests[index]);
    await request.answer("served");
  }
  for (const { until } of staying) await until("served");
  for (const { received } of dying) expect(received()).toBe("");
  expect(await exchangeRaw(edge.target, [get("/fixed")])).toMatch(/fixed\n$/);
  await eventually("the books to be right", () => {
    const metrics = edge.metrics()?.apps[app];
    return metrics?.queue === 0 && metrics.inFlight === 0;
  });
  for (const { socket } of staying) socket.destroy();
});

test("connections beyond the cap are told 503; when one ends there is room again", async () => {
  await using edge = await startEdge({ plan: { limits: { ...limits, connections: 3 } } });
  const kept = await Promise.all([open(edge), open(edge), open(edge)]);
  for (const client of kept) client.socket.write(get("/fixed", ""));
  for (const client of kept) await client.until("fixed");
  const refused = await exchangeRaw(edge.target, [get("/fixed")]);
  expect(refused).toMatch(/^HTTP\/1\.1 503 /);
  expect(refused).toMatch(/\r\nRetry-After: \d/);
  kept[0]?.socket.destroy();
  await eventually("room for one more", async () => {
    return (await exchangeRaw(edge.target, [get("/fixed")])).startsWith("HTTP/1.1 200");
  });
  for (const { socket } of kept) socket.destroy();
});

test("metrics tell requests, answers by class and latency", async () => {
  await using edge = await startEdge();
  await using worker = await startWorker(edge.folder, (request) => request.answer("ok"));
  await edge.arbiter("shop", [worker.record]);
  await exchangeRaw(edge.target, [get("/a", "") + get("/fixed", "") + get("/b")]);
  await exchangeRaw(edge.target, ["nonsense\r\n\r\n"]);
  const metrics = await eventually("the metrics", () => {
    const now = edge.metrics();
    // A thread may be between the two counts of a request.
    return now?.requests === 4 && now.apps[app]?.inFlight === 0 ? now : undefined;
  });
  expect(metrics.answers).toEqual([0, 0, 3, 0, 1, 0]);
  expect(metrics.latencyMs?.p50).toBeGreaterThan(0);
  expect(metrics.apps[app]).toMatchObject({
    requests: 2,
    queue: 0,
    inFlight: 0,
    workers: { [worker.record.key]: 2 },
  });
  await eventually("no connection to be counted", () => edge.metrics()?.connections === 0);
});

const app = "shop";
