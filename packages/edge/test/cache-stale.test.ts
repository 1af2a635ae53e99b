/** Answers past their end: validated, given while a new one comes, in place of errors, while the app is down. */
import type { ServerResponse } from "node:http";
import { eventually } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { app, route } from "./edge-process.ts";
import { type FakeWorker, startWorker, type WorkerRequest } from "./fake-worker.ts";
import { type CachedEdge, followHeaders, fresh, startCached } from "./fixtures/cached.ts";

let cached: CachedEdge;
let worker: FakeWorker;
/** Requests the worker does not answer. */
const kept: WorkerRequest[] = [];
let isKeeping = false;

beforeAll(async () => {
  cached = await startCached({
    // Whoever waits for a worker does so for longer than a test.
    plan: { apps: { shop: { ...app, queueTimeoutMs: 600_000 } } },
    routes: (upstream) => [
      upstream,
      {
        ...route("/app/*", { kind: "app", app: "shop" }),
        cache: { ...followHeaders, staleWhileDownMs: 3_600_000 },
      },
    ],
  });
  worker = await startWorker(cached.edge.folder, async (request) => {
    if (isKeeping) kept.push(request);
    else await request.answer("from the app", "200 OK\r\nCache-Control: max-age=1\r\nAge: 1\r\n");
  });
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await cached[Symbol.asyncDispose]();
});

const staleDown = expect.stringMatching(/^stack; hit; ttl=-?\d+; detail=down$/);

/** Stale from the start: it comes from another cache that had it for its whole life. */
const old = { "Cache-Control": "max-age=10", Age: "10" };

test("what is stale is validated, and a 304 makes it fresh again", async () => {
  cached.on("/validated", fresh("body", { ...old, ETag: '"v1"' }));
  await cached.get("/validated");
  let conditions: string | undefined;
  cached.on("/validated", (request, response) => {
    conditions = request.headers["if-none-match"];
    response.writeHead(304, { ETag: '"v1"', "Cache-Control": "max-age=60", "X-New": "1" }).end();
  });
  const validated = await cached.get("/validated");
  expect(conditions).toBe('"v1"');
  expect([validated.status, validated.text, validated.headers["x-new"]]).toEqual([
    200,
    "body",
    "1",
  ]);
  expect(validated.cache).toMatch(/^stack; fwd=stale; fwd-status=304/);
  expect((await cached.get("/validated")).cache).toMatch(/hit/);
  expect(cached.count("/validated")).toBe(2);
});

test("a new answer takes the place of a stale one", async () => {
  cached.on("/replaced", fresh("one", { ...old, ETag: '"1"' }));
  await cached.get("/replaced");
  cached.on("/replaced", fresh("two", { ETag: '"2"' }));
  const replaced = await cached.get("/replaced");
  expect([replaced.text, replaced.cache]).toEqual(["two", "stack; fwd=stale; stored"]);
  expect((await cached.get("/replaced")).text).toBe("two");
});

test("while it is revalidated, everybody gets the stale one, and the app one request", async () => {
  const swr = { "Cache-Control": "max-age=10, stale-while-revalidate=100", Age: "10" };
  cached.on("/swr", fresh("old", swr));
  await cached.get("/swr");
  const held: ServerResponse[] = [];
  cached.on("/swr", (_request, response) => void held.push(response));
  const answers = await Promise.all(Array.from({ length: 10 }, () => cached.get("/swr")));
  expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["old"]));
  expect(answers[0]?.cache).toMatch(/^stack; hit; ttl=-?\d+; detail=revalidating$/);
  await eventually("the request in the background", () => held.length === 1);
  held[0]?.writeHead(200, { "Cache-Control": "max-age=60" }).end("new");
  await eventually("the new answer", async () => (await cached.get("/swr")).text === "new");
  expect(cached.count("/swr")).toBe(2);
});

test.for([500, 503])("stale-if-error stands in for a %i", async (status) => {
  const path = `/sie-${status}`;
  cached.on(path, fresh("old", { "Cache-Control": "max-age=10, stale-if-error=100", Age: "10" }));
  await cached.get(path);
  cached.on(path, (_request, response) => response.writeHead(status).end("broken"));
  const answer = await cached.get(path);
  expect([answer.status, answer.text]).toEqual([200, "old"]);
  cached.on(path, (request) => request.socket.destroy());
  expect((await cached.get(path)).text).toBe("old");
});

test("an error passes where nothing allows otherwise", async () => {
  cached.on("/strict", fresh("old", { ...old, "Cache-Control": "max-age=10, must-revalidate" }));
  await cached.get("/strict");
  cached.on("/strict", (_request, response) => response.writeHead(500).end("broken"));
  expect((await cached.get("/strict")).status).toBe(500);
});

test("while no worker is ready the stale answer is given at once, to those that wait for one too", async () => {
  const arbiter = await cached.edge.arbiter("shop", [worker.record]);
  await eventually("an answer of the app", async () => {
    return (await cached.get("/app/page")).text === "from the app";
  });
  isKeeping = true;
  const first = cached.get("/app/page");
  await eventually("the worker to have it", () => kept.length === 1);
  arbiter.send({ type: "worker-gone", key: worker.record.key });
  expect(await first).toMatchObject({ text: "from the app", cache: staleDown });
  const later = await cached.get("/app/page");
  expect(later).toMatchObject({ text: "from the app", cache: staleDown });
  expect(later.headers.age).toBeDefined();
});
