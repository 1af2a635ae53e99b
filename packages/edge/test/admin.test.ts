/** Metrics as Prometheus reads them: their form, their numbers, who may read them. */
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  type ExposedSample,
  eventually,
  exchangeRaw,
  freePort,
  readExposition,
} from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge } from "./edge-process.ts";
import { type FakeWorker, startWorker } from "./fake-worker.ts";

const routes = [
  route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
  route('/odd"\\path/*', { kind: "respond", status: 404, body: "", type: "text/plain" }),
  route("/*", { kind: "app", app: "shop" }, "shop.test"),
];

let edge: EdgeProcess;
let worker: FakeWorker;

beforeAll(async () => {
  edge = await startEdge({ plan: { routes, admin: { address: null, token: null } } });
  worker = await startWorker(edge.folder, (incoming) => void incoming.answer("hello"));
  const arbiter = await edge.arbiter("shop", [worker.record]);
  await eventually("the worker to be linked", () => worker.connections() === 2);
  expect(arbiter).toBeDefined();
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function fetchAdmin(
  target: { readonly socketPath: string } | { readonly port: number },
  options: { readonly path?: string; readonly token?: string; readonly method?: string } = {},
): Promise<AdminAnswer> {
  const { path = "/metrics", token, method = "GET" } = options;
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    request({ ...target, path, method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        body += piece;
      });
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          body,
        }),
      );
    })
      .on("error", reject)
      .end();
  });
}

const own = () => ({ socketPath: join(edge.folder, "admin.sock") });
const read = async (): Promise<readonly ExposedSample[]> =>
  readExposition((await fetchAdmin(own())).body);
const ask = (path: string, host = "a.test", body = "") =>
  exchangeRaw(edge.target, [
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  ]);

function value(
  samples: readonly ExposedSample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return samples.find(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
  )?.value;
}

test("what every thread counted is told in Prometheus' own form", async () => {
  for (let round = 0; round < 10; round += 1) await ask("/fixed");
  for (let round = 0; round < 5; round += 1) await ask("/buy", "shop.test", "12345");
  await ask('/odd"\\path/x');
  await ask("/nothing");

  const answer = await fetchAdmin(own());
  expect(answer).toMatchObject({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8" });
  const samples = readExposition(answer.body);

  const fixed = { route: "/fixed", target: "respond" };
  expect(value(samples, "stack_route_requests_total", { ...fixed, class: "2xx" })).toBe(10);
  expect(value(samples, "stack_route_sent_bytes_total", fixed)).toBe(60);
  expect(value(samples, "stack_route_duration_seconds_count", fixed)).toBe(10);
  const shop = { route: "shop.test/*", target: "app:shop" };
  expect(value(samples, "stack_route_requests_total", { ...shop, class: "2xx" })).toBe(5);
  expect(value(samples, "stack_route_received_bytes_total", shop)).toBe(25);
  expect(value(samples, "stack_app_requests_total", { app: "shop" })).toBe(5);
  expect(value(samples, "stack_app_queue_seconds_count", { app: "shop" })).toBe(5);
  expect(value(samples, "stack_app_duration_seconds_count", { app: "shop" })).toBe(5);
  expect(value(samples, "stack_app_queue_length", { app: "shop" })).toBe(0);
  expect(value(samples, "stack_worker_requests_total", { worker: "shop-1.1" })).toBe(5);
  expect(
    value(samples, "stack_route_requests_total", { route: '/odd"\\path/*', class: "4xx" }),
  ).toBe(1);
  expect(value(samples, "stack_route_requests_total", { target: "none", class: "4xx" })).toBe(1);
  expect(value(samples, "stack_edge_requests_total")).toBe(17);
  expect(value(samples, "stack_edge_connections_total")).toBe(17);
  const listener = { listener: "edge.listen[0]", address: `127.0.0.1:${edge.port}` };
  expect(value(samples, "stack_listener_connections_total", listener)).toBe(17);
  expect(value(samples, "process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
});

test("a route that stays keeps its counts over a reload, and one that went is told no more", async () => {
  const before = value(await read(), "stack_route_requests_total", {
    route: "/fixed",
    class: "2xx",
  });
  const admin = { address: null, token: null };
  await edge.configure({
    routes: [route("/new", { kind: "app", app: "shop" }), ...routes.slice(0, 1)],
    admin,
  });
  await ask("/fixed");
  await ask("/new");
  const samples = await read();
  expect(value(samples, "stack_route_requests_total", { route: "/fixed", class: "2xx" })).toBe(
    (before ?? Number.NaN) + 1,
  );
  expect(value(samples, "stack_route_requests_total", { route: "/new", class: "2xx" })).toBe(1);
  expect(value(samples, "stack_route_requests_total", { route: "shop.test/*" })).toBeUndefined();
  await edge.configure({ routes, admin });
});

test("a port with a token answers only who has it, and nothing but metrics", async () => {
  const port = await freePort();
  const token = "a-very-long-secret";
  await edge.configure({ routes, admin: { address: `127.0.0.1:${port}`, token } });
  await eventually("the port", async () => {
    const answer = await fetchAdmin({ port }, { token }).catch(() => undefined);
    return answer?.status === 200 && readExposition(answer.body);
  });
  expect(await fetchAdmin({ port })).toMatchObject({ status: 401 });
  expect(await fetchAdmin({ port }, { token: "another-long-secret" })).toMatchObject({
    status: 401,
  });
  expect(await fetchAdmin({ port }, { token, path: "/" })).toMatchObject({ status: 404 });
  expect(await fetchAdmin({ port }, { token, method: "POST" })).toMatchObject({ status: 405 });
  // The stack's own socket needs none: its folder keeps others out.
  expect(await fetchAdmin(own())).toMatchObject({ status: 200 });
});

test("a port that somebody else has is taken as soon as it is free", async () => {
  const holder = createServer();
  const port = await new Promise<number>((resolve) => {
    holder.listen(0, "127.0.0.1", () => resolve((holder.address() as { port: number }).port));
  });
  await edge.configure({ routes, admin: { address: `127.0.0.1:${port}`, token: null } });
  await eventually("a warning", () => edge.output().includes("cannot be opened yet"));
  expect(await ask("/fixed")).toContain("fixed");
  holder.close();
  await eventually("the port", async () => {
    const answer = await fetchAdmin({ port }).catch(() => undefined);
    return answer?.status === 200;
  });
});

test("without an admin listener there is no socket", async () => {
  await edge.configure({ routes, admin: null });
  await expect(fetchAdmin(own())).rejects.toThrow();
  await edge.configure({ routes, admin: { address: null, token: null } });
  await eventually("the socket again", async () => {
    const answer = await fetchAdmin(own()).catch(() => undefined);
    return answer?.status === 200;
  });
});
