/** `stack maintenance` as the edge does it: refusing, holding, letting go; over plans and threads. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Maintenance } from "@stack/control";
import { eventually, exchangeRaw, nextEvent } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { app, type EdgeProcess, route, startEdge } from "./edge-process.ts";

let edge: EdgeProcess;
let serial = 0;
const bodies: string[] = [];
const server = createServer((request, response) => {
  let body = "";
  request.on("data", (piece: Buffer) => {
    body += piece.toString("latin1");
  });
  request.on("end", () => {
    bodies.push(body);
    response.end(`served ${request.url}`);
  });
});

const on: Maintenance = {
  mode: "on",
  since: "2026-01-01T00:00:00.000Z",
  retryAfterS: 120,
  page: { type: "text/html; charset=utf-8", body: "<p>back soon ü</p>" },
  holdMs: null,
};
const paused: Maintenance = { ...on, mode: "paused", page: null };

const plan = () => ({
  routes: [
    route("/*", { kind: "upstream", upstream: "one" } as const),
    {
      ...route("/healthz", { kind: "respond", status: 200, body: "ok", type: "text/plain" }),
      duringMaintenance: true as const,
    },
    route("/app/*", { kind: "app", app: "shop" } as const),
  ],
  apps: { shop: { ...app, queueLimit: 4 } },
  upstreams: { one: { servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } },
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  edge = await startEdge({ threads: 2, plan: plan() });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

async function maintain(maintenance: Maintenance | null): Promise<void> {
  serial += 1;
  const wanted = serial;
  const set = nextEvent(
    edge.events,
    "message",
    (message) => message.type === "maintenance-set" && message.serial === wanted,
    20_000,
  );
  edge.send({ type: "maintenance", serial, maintenance });
  await set;
}

const head = (target: string, method = "GET", fields = ""): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${fields}\r\n`;
const ask = (target: string, method?: string): Promise<string> =>
  exchangeRaw(edge.target, [head(target, method)]);

test("on answers every route with the page, but those that go on", async () => {
  await maintain(on);
  const answer = await ask("/x");
  expect(answer).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
  expect(answer).toContain("\r\nRetry-After: 120\r\n");
  expect(Buffer.from(answer, "latin1").toString()).toMatch(/\r\n\r\n<p>back soon ü<\/p>$/);
  expect(await ask("/x", "HEAD")).toMatch(/\r\nContent-Length: 19\r\n.*\r\n\r\n$/s);
  expect(await ask("/healthz")).toMatch(/^HTTP\/1\.1 200 /);
  await edge.configure(plan()); // a reload ends nothing
  expect(await ask("/x")).toMatch(/^HTTP\/1\.1 503 /);
  await maintain(null);
  expect(await ask("/x")).toMatch(/\r\n\r\nserved \/x$/);
});

test("paused holds requests, bodies and all, and lets them go", async () => {
  await maintain(paused);
  const get = ask("/held");
  const post = exchangeRaw(edge.target, [
    head("/held", "POST", "Content-Length: 3000000\r\n"),
    "x".repeat(3_000_000),
  ]);
  const gone = connect(edge.target);
  gone.write(head("/gone"));
  expect(await ask("/healthz")).toMatch(/^HTTP\/1\.1 200 /);
  await eventually("all to be there", () => edge.metrics()?.connections === 3);
  gone.resetAndDestroy();
  await eventually("one to have gone", () => edge.metrics()?.connections === 2);
  await edge.configure(plan());
  const before = bodies.length;
  await maintain(null);
  expect(await get).toMatch(/\r\n\r\nserved \/held$/);
  expect(await post).toMatch(/\r\n\r\nserved \/held$/);
  expect(
    bodies
      .slice(before)
      .map((body) => body.length)
      .sort(),
  ).toEqual([0, 3_000_000]);
});

test("what is held is bounded in number and in time", async () => {
  await maintain({ ...paused, holdMs: 5_000 });
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask("/app/x")));
  const late = answers.filter((answer) => answer.includes("longer than expected"));
  const tooMany = answers.filter((answer) => answer.includes("too many requests"));
  expect(late.length).toBeGreaterThan(0);
  expect(late.length).toBeLessThanOrEqual(4);
  expect(late.length + tooMany.length).toBe(12);
  expect(answers.every((answer) => answer.includes("\r\nRetry-After: 120\r\n"))).toBe(true);
  await maintain(null);
});

test("held requests are refused when the pause becomes a stop", async () => {
  await maintain(paused);
  const held = ask("/held");
  await maintain(on);
  // It may have come before or after: refused it is.
  expect(await held).toMatch(/^HTTP\/1\.1 503 /);
  await maintain(null);
  await eventually("all to be as before", async () => (await ask("/x")).endsWith("served /x"));
});
