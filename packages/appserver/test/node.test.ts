/** A real arbiter with real Node workers. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseMark } from "@stack/control";
import { eventually, exchangeRaw, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { isAlive, leftovers } from "./leftovers.ts";
import { type Bench, nodePlan, openBench, startReady } from "./run-arbiter-process.ts";

const fixture = (file: string) => fileURLToPath(new URL(`./fixtures/${file}`, import.meta.url));

async function openReady(changes: Parameters<typeof nodePlan>[1] = {}): Promise<Bench> {
  const bench = await openBench();
  await startReady(bench, nodePlan(bench, changes));
  return bench;
}

function first(bench: Bench) {
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");
  return worker;
}

test("each Node worker is a process that answers HTTP on its own socket", async () => {
  await using bench = await openReady();

  const workers = [...bench.edge.workers.values()];
  expect(workers).toHaveLength(2);
  for (const worker of workers) {
    expect(worker).toMatchObject({ protocol: "http", capacity: 100 });
    expect(await ask(worker, "/")).toEqual({ status: 200, body: `${worker.pid} ${worker.id} r1` });
  }
});

test("an Express app, exported by CommonJS, is served", async () => {
  await using bench = await openReady({ entry: fixture("express-app.cjs"), workers: 1 });
  expect(await ask(first(bench), "/")).toEqual({ status: 200, body: '{"worker":"shop-1.1"}' });
});

test("a fetch handler is served, its body streamed", async () => {
  await using bench = await openReady({ entry: fixture("fetch-app.mjs"), workers: 1 });
  const answer = await ask(first(bench), "/some/page");
  expect(answer).toEqual({ status: 201, body: "GET shop.test /some/page" });
});

test.for([
  ["a Fastify instance", "fastify-app.mjs", /^\{"worker":"shop-1.1"\}$/],
  ["a Koa app", "koa-app.mjs", /^shop-1\.1 \/$/],
  ["TypeScript with an enum", "typescript.ts", /^hello \/$/],
  ["a page rendered by React, part by part", "react-page.mjs", /wait.*the slow part/s],
] as const)("%s is served", async ([, file, expected]) => {
  await using bench = await openReady({ entry: fixture(file), workers: 1 });
  const { status, body } = await ask(first(bench), "/");
  expect(status).toBe(200);
  expect(body).toMatch(expected);
});

test.for(["listens.mjs", "listens-express.cjs", "listens-fastify.mjs"])(
  "%s, a script that listens by itself, is served by every worker on a socket of its own",
  async (file) => {
    await using bench = await openReady({ entry: fixture(file) });
    const workers = [...bench.edge.workers.values()];
    expect(workers).toHaveLength(2);
    for (const worker of workers) {
      expect((await ask(worker, "/")).body).toContain(String(worker.pid));
    }
    await eventually("its own word", () => bench.output().includes("listening"));

    expect(await bench.stackd.order({ type: "drain", deadlineMs: 10_000 })).toBeNull();
    await eventually("both to end", () => workers.every(({ pid }) => !isAlive(pid)));
  },
);

test("a program of node_modules/.bin is the main module, has its arguments, and a proxy with an address", async () => {
  await using bench = await openBench();
  const entry = join(bench.run, "command-line"); // links there have no extension
  symlinkSync(fixture("command-line.cjs"), entry);

  await startReady(bench, nodePlan(bench, { entry, args: ["start", "--quiet"], workers: 1 }));

  expect(JSON.parse((await ask(first(bench), "/")).body)).toEqual({
    args: ["start", "--quiet"],
    ip: "127.0.0.1",
    peer: "127.0.0.1",
  });
});

test("a handler that throws answers 500 and its worker serves on", async () => {
  await using bench = await openReady({ workers: 1 });
  const worker = first(bench);

  expect((await ask(worker, "/throw")).status).toBe(500);

  expect((await ask(worker, "/")).body).toContain(`${worker.pid} `);
  await eventually("the stack in the log", () => bench.output().includes("a handler that throws"));
});

test.for(["FOOBAR", "get", "GETS"])(
  "the method %s, unknown to Node's parser, gets a whole 501 and its worker serves on",
  async (method) => {
    await using bench = await openReady({ workers: 1 });
    const worker = first(bench);
    const target = { path: worker.address.slice("unix:".length) };

    const answer = await exchangeRaw(target, [`${method} / HTTP/1.1\r\nHost: a.test\r\n\r\n`]);

    expect(answer).toBe(
      "HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nContent-Length: 16\r\nConnection: close\r\n\r\nNot Implemented\n",
    );
    expect((await ask(worker, "/")).status).toBe(200);
  },
);

test("what a worker prints is marked with its name", async () => {
  await using bench = await openReady({ workers: 1 });

  await ask(first(bench), "/page");

  const lines = await eventually("the line", () => {
    const parsed = bench.output().split("\n").map(parseMark);
    return parsed.some((line) => line.text === "served /page") ? parsed : undefined;
  });
  expect(lines).toContainEqual({ id: "shop-1.1", text: "served /page" });
});

test("a rejection nobody handles drains the worker and another takes its place", async () => {
  await using bench = await openReady({ workers: 1 });
  const worker = first(bench);
  const drain = nextEvent(bench.edge.events, "message", (m) => m.type === "worker-drain");
  const up = nextEvent(bench.edge.events, "message", (m) => m.type === "worker-up");

  const slow = ask(worker, "/sleep/0.4");
  expect((await ask(worker, "/fault")).status).toBe(200);

  await drain;
  expect((await slow).status).toBe(200);
  await up;
  const state = await bench.stackd.untilState("ready", (now) => now.state === "ready");
  expect(state.workers[0]?.lastExit).toMatchObject({ code: 1, reason: "unhandled rejection" });
  await eventually("the log", () => bench.output().includes("nobody awaits this"));
});

test("a drain lets a running request finish", async () => {
  await using bench = await openReady({ workers: 1 });
  bench.edge.answersDrains = false;
  const worker = first(bench);
  const asked = nextEvent(bench.edge.events, "message", (m) => m.type === "worker-drain");
  const answer = ask(worker, "/sleep/0.5");

  const done = bench.stackd.order({ type: "drain", deadlineMs: 30_000 });
  await asked;
  expect((await answer).status).toBe(200);
  bench.edge.send({ type: "worker-drained", key: worker.key });

  expect(await done).toBeNull();
  expect(leftovers(bench.run)).toEqual([]);
});

test("a worker whose arbiter was killed finishes its request and ends", async () => {
  await using bench = await openReady({ workers: 1 });
  const worker = first(bench);
  const answer = ask(worker, "/sleep/0.5");
  await eventually("the request to run", () => bench.output().includes("got /sleep"));

  bench.arbiter().kill("SIGKILL");

  expect((await answer).status).toBe(200);
  await eventually("the orphan to end", () => !isAlive(worker.pid));
});

test.for([
  { what: "raises", file: "throws.mjs", code: "E3002", fact: "Error: no API key" },
  { what: "exports no handler", file: "no-handler.mjs", code: "E3001", fact: "start" },
  { what: "is not there", file: "handlr.mjs", code: "E3001", fact: "there is no file" },
])("an entry that $what is reported with $code", async ({ file, code, fact }) => {
  await using bench = await openBench();

  const plan = nodePlan(bench, { entry: fixture(file), workers: 1 });
  const error = await bench.stackd.order({ type: "configure", plan, release: "r1" });

  expect(error).toMatchObject({ code, exit: 5, place: { configPath: "apps.shop.entry" } });
  expect(error?.facts?.join("\n")).toContain(fact);
});

test("a health check is asked over HTTP before a worker gets traffic", async () => {
  await using bench = await openBench();

  const plan = nodePlan(bench, { workers: 1, health: "/throw", bootTimeoutMs: 10_000 });
  const error = await bench.stackd.order({ type: "configure", plan, release: "r1" });

  expect(error).toMatchObject({ code: "E3202" });
  expect(error?.facts?.[0]).toContain("answered 500");
  expect(bench.edge.workers.size).toBe(0);
});

test("an exported upgrade handler takes WebSockets, and one that throws costs its socket only", async () => {
  await using bench = await openReady({ entry: fixture("websocket.mjs"), workers: 1 });
  const worker = first(bench);
  const target = { path: worker.address.slice("unix:".length) };
  const request = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nhello`;

  const answer = await exchangeRaw(target, [request("/")], (text) => text.endsWith("hello"));
  expect(answer).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

  await exchangeRaw(target, [request("/throw")]).catch(() => "");
  await eventually("the log", () => bench.output().includes("no sockets today"));
  expect(await ask(worker, "/")).toEqual({ status: 200, body: "plain" });
});
