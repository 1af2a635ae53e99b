/** The second level: kept over the end of an edge in a file, shared by edges through Redis. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import type { CachePlan } from "@stack/config";
import { eventually, freePort, nextEvent, type TempFolder, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEdge } from "./edge-process.ts";
import { type CachedEdge, fresh, startCached } from "./fixtures/cached.ts";

const redisServer = "redis-server";
let folder: TempFolder;

beforeAll(() => {
  folder = tempFolder();
});

afterAll(() => {
  folder[Symbol.dispose]();
});

function withStore(store: CachePlan["store"]): { readonly cache: CachePlan } {
  return { cache: { memoryBytes: 8 * 1024 * 1024, store, purgeOnRelease: false } };
}

/** A request to another edge as if it were to the first: the Host is in the key. */
async function getFrom(cached: CachedEdge, port: number, path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { "X-Test": "1" },
  });
  return `${answer.headers.get("cache-status")} ${await answer.text()} ${cached.asked.length}`;
}

const anyHost = { key: { host: false, query: "all" as const, headers: [], cookies: [] } };

test("an embedded store outlives the edge", async () => {
  const store = { kind: "embedded", folder: join(folder.path, "cache"), bytes: 2 ** 24 } as const;
  await using cached = await startCached({ cache: anyHost, plan: withStore(store) });
  cached.on("/kept", fresh("kept", { ETag: '"1"' }));
  expect((await cached.get("/kept")).cache).toMatch(/stored/);
  // The next edge finds it only once it is in the file.
  await eventually("the answer in another edge", async () => {
    await using other = await startEdge({ threads: 1, plan: cached.plan });
    const before = cached.count("/kept");
    const seen = await getFrom(cached, other.port, "/kept");
    return seen.startsWith("stack; hit") && cached.count("/kept") === before;
  });
}, 120_000);

test("edges on one Redis fetch once, share what is kept, and see each other's purges", async () => {
  const port = await freePort();
  const redis = spawn(redisServer, ["--port", String(port), "--save", "", "--dir", folder.path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let log = "";
    redis.stdout.on("data", (text: Buffer) => {
      log += text.toString();
    });
    await eventually("redis", () => log.includes("Ready to accept connections"));
    const url = `redis://127.0.0.1:${port}`;
    const store = { kind: "redis", url, prefix: "stack:test:" } as const;
    await using cached = await startCached({ cache: anyHost, plan: withStore(store) });
    await using other = await startEdge({ threads: 1, plan: cached.plan });
    cached.on("/warm", fresh("warm"));
    // Connections to Redis are there once an answer has come over.
    await eventually("the first shared answer", async () => {
      await cached.get("/warm");
      return (await getFrom(cached, other.port, "/warm")).startsWith("stack; hit");
    });

    // On a busy machine Redis may be too late for one of them, which then asks the app itself.
    let tries = 0;
    const shared = await eventually("one request for both", async () => {
      tries += 1;
      const path = `/once/${tries}`;
      const held: ServerResponse[] = [];
      cached.on(path, (_request, response) => void held.push(response));
      const answers = [cached.get(path), getFrom(cached, other.port, path)] as const;
      await eventually("the request", () => held.length > 0);
      cached.on(path, fresh("shared", { "Cache-Tag": "t" }));
      for (const response of held) {
        response.writeHead(200, { "Cache-Control": "max-age=60", "Cache-Tag": "t" }).end("shared");
      }
      expect((await answers[0]).text).toBe("shared");
      expect(await answers[1]).toContain("shared");
      return cached.count(path) === 1 && path;
    });

    cached.on(shared, fresh("new"));
    cached.edge.send({
      type: "cache",
      id: 1,
      order: { kind: "purge", targets: [{ kind: "tag", tag: "t" }], soft: false },
    });
    await eventually("the purge in the other edge", async () => {
      return (await getFrom(cached, other.port, shared)).includes("new");
    });
  } finally {
    redis.kill("SIGKILL");
    await once(redis, "exit");
  }
}, 120_000);

test("without an answer from Redis the edge answers all the same", async () => {
  const port = await freePort(); // nobody listens there
  const store = { kind: "redis", url: `redis://127.0.0.1:${port}`, prefix: "stack:x:" } as const;
  await using cached = await startCached({ cache: anyHost, plan: withStore(store) });
  cached.on("/alone", fresh("alone"));
  expect((await cached.get("/alone")).text).toBe("alone");
  expect((await cached.get("/alone")).cache).toMatch(/hit/);
  await eventually("the warning", () => cached.edge.output().includes("E2301"));

  const told = nextEvent(cached.edge.events, "message", ({ type }) => type === "cache-answer");
  cached.edge.send({ type: "cache", id: 1, order: { kind: "stats" } });
  const [message] = await told;
  expect(message).toMatchObject({
    answer: { stats: { store: { available: false, trouble: { error: { code: "E2301" } } } } },
  });
});
