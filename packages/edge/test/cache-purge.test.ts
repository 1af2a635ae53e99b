/** `stack cache`, as the edge hears it: purges are seen by every thread at once; stats and lists. */
import type { CacheAnswer, CacheOrder } from "@stack/control";
import { nextEvent } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, type CachedEdge, fresh, startCached } from "./fixtures/cached.ts";

let cached: CachedEdge;
let host = "";
let id = 0;

beforeAll(async () => {
  cached = await startCached({ threads: 2, cache: { staleIfErrorMs: 60_000 } });
  host = `127.0.0.1:${cached.edge.port}`;
});

afterAll(async () => {
  await cached[Symbol.asyncDispose]();
});

async function ask(order: CacheOrder): Promise<CacheAnswer> {
  id += 1;
  const mine = id;
  const { events } = cached.edge;
  const answered = nextEvent(
    events,
    "message",
    (message) => message.type === "cache-answer" && message.id === mine,
    20_000,
  );
  cached.edge.send({ type: "cache", id: mine, order });
  const [message] = await answered;
  if (message.type !== "cache-answer") throw new Error("another message");
  return message.answer;
}

/** By connections of their own, so that both threads are asked. */
function askAll(path: string): Promise<readonly Answer[]> {
  return Promise.all(Array.from({ length: 12 }, () => cached.get(path, { Connection: "close" })));
}

async function fill(path: string): Promise<void> {
  await cached.get(path);
  for (const { cache } of await askAll(path)) expect(cache).toMatch(/^stack; hit/);
}

test.for([
  ["a tag", { kind: "tag", tag: "news" }],
  ["a prefix", { kind: "prefix", prefix: "/tag" }],
  ["a URL", { kind: "url", url: "/tagged" }],
  ["all", { kind: "all" }],
] as const)("what is purged by %s is asked for again, whatever the thread", async ([, target]) => {
  cached.on("/tagged", fresh("tagged", { "Cache-Tag": "news, front" }));
  cached.on("/kept", fresh("kept", { "Cache-Tag": "other" }));
  await fill("/tagged");
  await fill("/kept");
  const before = cached.count("/tagged");
  const absolute = Object.fromEntries(
    Object.entries(target).map(([name, value]) => [
      name,
      value.startsWith("/") ? `http://${host}${value}` : value,
    ]),
  ) as CacheOrder extends { targets: readonly (infer T)[] } ? T : never;
  cached.on("/tagged", fresh("new", { "Cache-Tag": "news, front" }));
  expect(await ask({ kind: "purge", targets: [absolute], soft: false })).toEqual({
    kind: "purged",
  });
  const answers = await askAll("/tagged");
  expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["new"]));
  expect(cached.count("/tagged")).toBe(before + 1); // one for all of them
  expect((await cached.get("/kept")).cache.includes("hit")).toBe(target.kind !== "all");
});

test("what is purged softly stands in when the app fails", async () => {
  cached.on("/soft", fresh("still there", { "Cache-Tag": "soft" }));
  await fill("/soft");
  await ask({ kind: "purge", targets: [{ kind: "tag", tag: "soft" }], soft: true });
  cached.on("/soft", (_request, response) => response.writeHead(500).end("broken"));
  const answer = await cached.get("/soft");
  expect([answer.status, answer.text]).toEqual([200, "still there"]);
  expect(answer.cache).toMatch(/^stack; hit; ttl=-\d+; detail=error$|detail=error/);
  cached.on("/soft", fresh("new"));
  expect((await cached.get("/soft")).text).toBe("new");
});

test("stats say what there is and what was done", async () => {
  cached.on("/counted", fresh("x"));
  await fill("/counted");
  const answer = await ask({ kind: "stats" });
  if (answer.kind !== "stats") throw new Error(answer.kind);
  const { memory, routes } = answer.stats;
  expect(memory.records).toBeGreaterThan(0);
  expect(memory.bytes).toBeLessThanOrEqual(memory.capacityBytes);
  expect(routes.map(({ route }) => route)).toEqual(["/*"]);
  const hits = routes[0]?.results.find(({ result }) => result === "hit");
  expect(hits?.count).toBeGreaterThanOrEqual(12);
});

test("stats tell the last purges, and that the store is well", async () => {
  const target = { kind: "tag", tag: "told" } as const;
  await ask({ kind: "purge", targets: [target], soft: true });
  const answer = await ask({ kind: "stats" });
  if (answer.kind !== "stats") throw new Error(answer.kind);
  expect(answer.stats.purges?.at(-1)).toMatchObject({ target, soft: true, own: true });
  expect(answer.stats).toMatchObject({ store: { trouble: null }, purgeOnRelease: false });
});

test("a list names what is kept below a URL, with its tags", async () => {
  cached.on("/list/a", fresh("a".repeat(100), { "Cache-Tag": "x, y" }));
  cached.on("/list/b", fresh("b"));
  await cached.get("/list/a");
  await cached.get("/list/b");
  const prefix = `http://${host}/list/`;
  const answer = await ask({ kind: "list", prefix, limit: 10 });
  if (answer.kind !== "list") throw new Error(answer.kind);
  expect(answer.records.map(({ key }) => key).sort()).toEqual([`${prefix}a`, `${prefix}b`]);
  expect(answer.records.find(({ key }) => key.endsWith("a"))).toMatchObject({
    bodyBytes: 100,
    tags: ["x", "y"],
  });
  expect(await ask({ kind: "list", prefix, limit: 1 })).toMatchObject({ isCut: true });
});

test("however many ask at once after a purge, the app is asked once", async () => {
  for (let round = 0; round < 100; round += 1) {
    const path = `/once-${round}`;
    cached.on(path, fresh("once"));
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        cached.get(path, at % 2 === 0 ? { Connection: "close" } : {}),
      ),
    );
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["once"]));
    expect(cached.count(path), path).toBe(1);
  }
});
