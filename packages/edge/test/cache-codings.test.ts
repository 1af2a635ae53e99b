/** One stored answer, coded once for each encoding, and given to whoever accepts it. */
import { join } from "node:path";
import zlib from "node:zlib";
import type { CachePlan, CompressionPlan } from "@stack/config";
import { eventually, nextEvent, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { startEdge } from "./edge-process.ts";
import { type Answer, type CachedEdge, fresh, startCached } from "./fixtures/cached.ts";

const compression: CompressionPlan = {
  encodings: ["zstd", "br", "gzip"],
  minBytes: 256,
  types: ["text/*"],
};
const page = "one line like another\n".repeat(500);
const headers = { ETag: '"v1"', "Accept-Ranges": "bytes" };
const memory = { kind: "memory" } as const;

const planWith = (store: CachePlan["store"]) => ({
  compression,
  cache: { memoryBytes: 8 * 1024 * 1024, store, purgeOnRelease: false },
});

function decode({ headers: { "content-encoding": encoding }, body }: Answer): string {
  switch (encoding) {
    case "br":
      return zlib.brotliDecompressSync(body).toString();
    case "gzip":
      return zlib.gunzipSync(body).toString();
    case "zstd":
      return zlib.zstdDecompressSync(body).toString();
    default:
      return body.toString();
  }
}

/** Records in memory, and how many were ever stored. */
async function memoryOf(cached: CachedEdge): Promise<{ records: number; stored: number }> {
  const answered = nextEvent(cached.edge.events, "message", ({ type }) => type === "cache-answer");
  cached.edge.send({ type: "cache", id: 1, order: { kind: "stats" } });
  const [message] = await answered;
  const { answer } = message as unknown as {
    answer: { stats: { memory: { records: number; stored: number } } };
  };
  return answer.stats.memory;
}

test("a hit for each Accept-Encoding: the bytes, the ETag and what it varies by", async () => {
  await using cached = await startCached({ plan: planWith(memory) });
  cached.on("/page", fresh(page, headers));
  await cached.get("/page");
  for (const [accept, encoding] of [
    [undefined, undefined],
    ["identity", undefined],
    ["br;q=0, gzip", "gzip"],
    ["gzip, br", "br"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["unheard-of", undefined],
  ] as const) {
    const ask = (): Promise<Answer> =>
      cached.get("/page", accept === undefined ? {} : { "Accept-Encoding": accept });
    const answer = await eventually(`a hit for ${accept}`, async () => {
      const got = await ask();
      return got.headers["content-encoding"] === encoding && got;
    });
    expect(answer.cache).toMatch(/hit/);
    expect(decode(answer)).toBe(page);
    // RFC 9110 §8.8.3.3: other bytes, another strong tag; the weak one means the same content
    expect(answer.headers.etag).toBe(encoding === undefined ? '"v1"' : 'W/"v1"');
    expect(answer.headers["accept-ranges"]).toBe(encoding === undefined ? "bytes" : undefined);
    expect(answer.headers.vary).toBe("Accept-Encoding");
    expect(answer.headers["content-length"]).toBe(String(answer.body.length));
  }
  expect(cached.count("/page")).toBe(1);
});

test("conditions and ranges of a client that accepts an encoding", async () => {
  await using cached = await startCached({ plan: planWith(memory) });
  cached.on("/page", fresh(page, headers));
  const br = { "Accept-Encoding": "br" };
  await cached.get("/page");
  await eventually("a coded hit", async () => {
    return (await cached.get("/page", br)).headers["content-encoding"] === "br";
  });
  for (const tag of ['W/"v1"', '"v1"']) {
    const unchanged = await cached.get("/page", { ...br, "If-None-Match": tag });
    expect([unchanged.status, unchanged.headers.etag]).toEqual([304, 'W/"v1"']);
    expect(unchanged.headers.vary).toBe("Accept-Encoding");
    expect(unchanged.headers["content-encoding"]).toBeUndefined();
  }
  const part = await cached.get("/page", { ...br, Range: "bytes=4-7" });
  expect([part.status, part.text, part.headers["content-encoding"]]).toEqual([
    206,
    "line",
    undefined,
  ]);
  const whole = await cached.get("/page", { ...br, Range: "bytes=4-7", "If-Range": 'W/"v1"' });
  expect([whole.status, decode(whole)]).toEqual([200, page]);
});

test("a body is coded by one thread for all, and not again when it is freshened", async () => {
  await using cached = await startCached({ threads: 2, plan: planWith(memory) });
  cached.on("/page", (request, response) => {
    const isSame = request.headers["if-none-match"] === '"v1"';
    response.writeHead(isSame ? 304 : 200, {
      "Content-Type": "text/plain",
      "Cache-Control": "max-age=60",
      ...headers,
    });
    response.end(isSame ? undefined : page);
  });
  const get = (fields: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    cached.get("/page", { "Accept-Encoding": "br", ...fields });
  await cached.get("/page");
  await eventually("a coded hit", async () => (await get()).headers["content-encoding"] === "br");
  const before = await memoryOf(cached);
  expect(before).toMatchObject({ records: 2, stored: 2 });
  // Connections of their own: each thread has some, and the first answer of each is coded.
  const others = await Promise.all(Array.from({ length: 16 }, () => get({ Connection: "close" })));
  for (const other of others) expect(other.headers["content-encoding"]).toBe("br");
  expect(await memoryOf(cached)).toMatchObject({ records: 2, stored: 2 });

  const freshened = await get({ "Cache-Control": "no-cache" });
  expect([freshened.headers["content-encoding"], cached.count("/page")]).toEqual(["br", 2]);
  expect(await memoryOf(cached)).toMatchObject({ records: 2, stored: 3 });
});

test("an answer with another body gets codings of its own", async () => {
  await using cached = await startCached({ plan: planWith(memory) });
  const get = (): Promise<Answer> => cached.get("/page", { "Accept-Encoding": "gzip" });
  for (const text of [page, page.toUpperCase()]) {
    cached.on("/page", fresh(text));
    await cached.get("/page", { "Cache-Control": "no-cache" });
    await eventually("a coded hit", async () => {
      const answer = await get();
      expect(decode(answer)).toBe(text);
      return answer.headers["content-encoding"] === "gzip" && answer.cache.includes("hit");
    });
  }
});

test("another edge on the same store gives what was coded, with its first answer", async () => {
  using folder = tempFolder();
  const store = { kind: "embedded", folder: join(folder.path, "cache"), bytes: 2 ** 24 } as const;
  await using cached = await startCached({
    plan: planWith(store),
    cache: { key: { host: false, query: "all", headers: [], cookies: [] } },
  });
  cached.on("/page", fresh(page, headers));
  await cached.get("/page");
  await eventually("a coded hit", async () => {
    const answer = await cached.get("/page", { "Accept-Encoding": "br" });
    return answer.headers["content-encoding"] === "br";
  });
  await eventually("a coded first answer of another edge", async () => {
    await using other = await startEdge({ threads: 1, plan: cached.plan });
    const before = cached.count("/page");
    const answer = await fetch(`http://127.0.0.1:${other.port}/page`, {
      headers: { "Accept-Encoding": "br" },
    });
    expect(await answer.text()).toBe(page);
    const isHit = answer.headers.get("cache-status")?.includes("hit") === true;
    const isCoded = answer.headers.get("content-encoding") === "br";
    return isHit && isCoded && cached.count("/page") === before;
  });
}, 60_000);
