/** Request ids, trace contexts, times of a request's steps, and the log that is rotated by size. */
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { EdgePlan } from "@stack/config";
import { eventually, exchangeRaw } from "@stack/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge, unprotected } from "./edge-process.ts";
import { type FakeWorker, startWorker } from "./fake-worker.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${trace}-00f067aa0ba902b7-01`;

let edge: EdgeProcess;
let worker: FakeWorker;
let echo: Server;
let log = "";
let logs = 0;

beforeAll(async () => {
  echo = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  edge = await startEdge({ threads: 1, configure: false });
  await configure({});
  worker = await startWorker(edge.folder, async (incoming) => {
    await incoming.answer(incoming.env.get("HTTP_X_REQUEST_ID") ?? "none");
  });
  await edge.arbiter("shop", [{ ...worker.record, release: "r42" }]);
  await eventually("the worker to be linked", () => worker.connections() === 1);
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
  echo.closeAllConnections();
  echo.close();
});

beforeEach(() => {
  logs += 1;
  log = join(edge.folder, `access-${logs}.log`);
});

const fixed = { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" } as const;

function configure(plan: Partial<EdgePlan>): Promise<void> {
  return edge.configure({
    routes: [
      route("/fixed", fixed),
      route("/echo", { kind: "upstream", upstream: "echo" }),
      {
        ...route("/timed", { kind: "upstream", upstream: "echo" }),
        protection: { ...unprotected, serverTiming: true },
      },
      route("/*", { kind: "app", app: "shop" }),
    ],
    upstreams: { echo: { servers: [`127.0.0.1:${(echo.address() as AddressInfo).port}`] } },
    ...plan,
  });
}

const none = { requestId: false, traceparent: false, serverTiming: false } as const;
const fromProxy = ["127.0.0.1"];
const ask = (path: string, fields = ""): Promise<string> =>
  exchangeRaw(edge.target, [
    `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${fields}\r\n`,
  ]);
const field = (answer: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\r$`, "im").exec(answer)?.[1];

interface Line {
  readonly id?: string;
  readonly firstByteMs?: number;
  readonly durationMs?: number;
}

async function lines(count: number): Promise<readonly Line[]> {
  return eventually(`${count} lines`, () => {
    const text = existsSync(log) ? readFileSync(log, "utf8") : "";
    const read = text.split("\n").filter((line) => line !== "");
    return read.length >= count && read.map((line) => JSON.parse(line) as Line);
  });
}

test("an id is given, to the app, in the answer and in the log, whatever the client says", async () => {
  await configure({
    tracing: { ...none, requestId: true },
    accessLog: { file: log, format: "json" },
  });
  const first = await ask("/app", "X-Request-Id: mine\r\nx-request-ID: too\r\n");
  const second = await ask("/fixed");
  const id = field(first, "x-request-id");
  expect(id).toMatch(/^[\w-]{12}-\w+$/);
  expect(first.endsWith(`\r\n\r\n${id}`)).toBe(true);
  expect(first.match(/x-request-id/gi)).toHaveLength(1);
  expect(field(second, "x-request-id")).not.toBe(id);
  expect((await lines(2)).map((line) => line.id)).toEqual([id, field(second, "x-request-id")]);
});

test("a trusted proxy's id and trace go on, nonsense of it does not", async () => {
  await configure({
    tracing: { ...none, requestId: true, traceparent: true },
    trustedProxies: fromProxy,
    accessLog: { file: log, format: "json" },
  });
  const said = await ask(
    "/echo",
    `X-Request-Id: edge-7\r\nTraceparent: ${traceparent}\r\nTracestate: a=1\r\n`,
  );
  expect(field(said, "x-request-id")).toBe("edge-7");
  expect(said).toContain(`"traceparent":"${traceparent}"`);
  expect(said).toContain('"tracestate":"a=1"');
  const nonsense = await ask("/echo", "X-Request-Id: a b\r\nTraceparent: 00-0-0-0\r\n");
  expect(field(nonsense, "x-request-id")).not.toBe("a b");
  expect(nonsense).toMatch(/"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-01"/);
  expect(await lines(2)).toMatchObject([
    { id: "edge-7", trace },
    { trace: expect.stringMatching(/^[0-9a-f]{32}$/) as string },
  ]);
});

test("for a client a trace begins here, and its own state ends", async () => {
  await configure({ tracing: { ...none, traceparent: true } });
  const answer = await ask("/echo", `traceparent: ${traceparent}\r\ntracestate: a=1\r\n`);
  expect(answer).toMatch(/"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-01"/);
  expect(answer).not.toContain(trace);
  expect(answer).not.toContain("tracestate");
});

test("where none of it is on, headers pass as they are", async () => {
  await configure({});
  const answer = await ask("/echo", `X-Request-Id: mine\r\ntraceparent: ${traceparent}\r\n`);
  expect(answer).toContain('"x-request-id":"mine"');
  expect(answer).toContain(traceparent);
  expect(answer).not.toMatch(/^(x-request-id|server-timing)/im);
});

test("the log tells the steps of a request, the release and the route", async () => {
  await configure({ accessLog: { file: log, format: "json", timings: true } });
  await ask("/app");
  await ask("/echo");
  await ask("/fixed");
  const [app, upstream, own] = await lines(3);
  expect(app).toMatchObject({ worker: "shop-1.1", release: "r42", app: "shop" });
  expect(app).not.toHaveProperty("connectMs");
  expect(upstream).toMatchObject({
    upstream: `127.0.0.1:${(echo.address() as AddressInfo).port}`,
    connectMs: expect.any(Number) as number,
  });
  for (const line of [app, upstream, own]) {
    expect(line?.firstByteMs).toBeLessThanOrEqual(Number(line?.durationMs));
  }
});

test("a template has what it names", async () => {
  await configure({
    accessLog: {
      file: log,
      format: '["{route}","{upstream}","{release}","{first-byte}","{connect}","{id}"]',
    },
  });
  await ask("/app");
  await ask("/fixed");
  expect(await lines(2)).toEqual([
    ["/*", "-", "r42", expect.stringMatching(/^\d+\.\d{3}$/), "-", "-"],
    ["/fixed", "-", "-", expect.stringMatching(/^\d+\.\d{3}$/), "-", "-"],
  ]);
});

test("Server-Timing is said where it is wanted", async () => {
  await configure({ tracing: { ...none, serverTiming: "trusted" } });
  expect(field(await ask("/app"), "server-timing")).toBeUndefined();
  expect(field(await ask("/timed"), "server-timing")).toMatch(
    /^total;dur=[\d.]+, (connect;dur=[\d.]+, )?upstream;dur=[\d.]+$/,
  );
  await configure({
    tracing: { ...none, serverTiming: "trusted" },
    trustedProxies: fromProxy,
  });
  expect(field(await ask("/app"), "server-timing")).toMatch(
    /^total;dur=[\d.]+, queue;dur=[\d.]+, app;dur=[\d.]+$/,
  );
});

test("a log that is full begins anew, and no line is lost", async () => {
  await configure({
    accessLog: { file: log, format: "{path}{query}", rotate: { bytes: 2_000, keep: 2 } },
  });
  let sent = 0;
  const say = async (times: number): Promise<void> => {
    for (let round = 0; round < times; round += 1) await ask(`/fixed?${"x".repeat(200)}`);
    sent += times;
  };
  const written = (): number => {
    const all = [log, `${log}.1`, `${log}.2`].map((file) =>
      existsSync(file) ? readFileSync(file, "utf8") : "",
    );
    return all.join("").split("\n").length - 1;
  };
  // Ten fill a file. With many more on their way a third file too many would begin.
  for (const file of [`${log}.1`, `${log}.2`]) {
    await say(10);
    await eventually(file, async () => {
      await eventually("every line", () => written() === sent);
      if (existsSync(file)) return true;
      // Those that came before the thread saw that the file had moved are in the one before.
      const size = existsSync(log) ? statSync(log).size : 0;
      if (size < 2_000) await say(1);
      return false;
    });
  }
  await say(3);
  await eventually("every line", () => written() === sent);
  expect(existsSync(`${log}.3`)).toBe(false);
});
