/** Routes with `cache: { mode: "force" }`: what is kept whatever it says, and what the app sees then. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CachedEdge, type Handler, startCached } from "./fixtures/cached.ts";

let cached: CachedEdge;

beforeAll(async () => {
  cached = await startCached({
    cache: {
      mode: "force",
      ttlMs: 60_000,
      key: { host: true, query: ["page"], headers: ["x-country"], cookies: ["theme"] },
      bypass: { cookies: ["session"], headers: ["x-preview"] },
    },
  });
});

afterAll(async () => {
  await cached[Symbol.asyncDispose]();
});

/** Says what it was asked with, and nothing of how long it holds. */
const echo: Handler = (request, response) => {
  response.writeHead(200, { "Content-Type": "text/plain" });
  const { cookie = "", authorization = "", "user-agent": agent = "" } = request.headers;
  response.end([request.url, cookie, authorization, agent, request.headers["x-country"]].join("|"));
};

test("an answer that says nothing is kept for its ttl", async () => {
  cached.on("/plain", echo);
  await cached.get("/plain");
  const again = await cached.get("/plain");
  expect(again.cache).toMatch(/^stack; hit; ttl=(60|59|58)$/);
  expect(cached.count("/plain")).toBe(1);
});

test("what is not in the key does not reach the app, and what is does", async () => {
  cached.on("/seen", echo);
  const answer = await cached.get("/seen?utm=1&page=2&x=3", {
    Cookie: "other=1; theme=dark; more=2",
    Authorization: "Bearer secret",
    "User-Agent": "test",
    "X-Country": "nl",
    "Cache-Control": "no-cache",
  });
  expect(answer.text).toBe("/seen?page=2|theme=dark|||nl");
  const same = await cached.get("/seen?page=2&utm=9", { Cookie: "theme=dark", "X-Country": "nl" });
  expect([same.text, same.cache.includes("hit")]).toEqual([answer.text, true]);
  const other = await cached.get("/seen?page=2", { Cookie: "theme=light", "X-Country": "nl" });
  expect(other.text).toBe("/seen?page=2|theme=light|||nl");
});

test("a client cannot make it ask again, and gets its parts all the same", async () => {
  cached.on("/busy", echo);
  await cached.get("/busy");
  const again = await cached.get("/busy", { "Cache-Control": "no-cache, max-age=0" });
  expect(again.cache).toMatch(/hit/);
  const part = await cached.get("/busy", { Range: "bytes=0-4" });
  expect([part.status, part.text]).toEqual([206, "/busy"]);
});

test("a bypass goes past it with all it has, and fills nothing", async () => {
  cached.on("/mine", echo);
  for (const headers of [{ Cookie: "session=1; a=2" }, { "X-Preview": "1", Cookie: "a=2" }]) {
    const answer = await cached.get("/mine?q=1", headers);
    expect(answer.text).toContain("/mine?q=1|");
    expect(answer.text).toContain("a=2");
    expect(answer.cache).toBe("stack; fwd=bypass");
  }
  expect((await cached.get("/mine")).cache).toMatch(/fwd=uri-miss/);
});

test("an answer that is for one person only is not kept, and its app sees no more than before", async () => {
  cached.on("/cookie", (request, response) => {
    response.setHeader("Set-Cookie", "a=b");
    echo(request, response);
  });
  for (let times = 0; times < 2; times += 1) {
    const answer = await cached.get("/cookie", { Cookie: "x=1", Authorization: "y" });
    expect(answer.text).toBe("/cookie||||");
    expect(answer.cache).toContain("detail=set-cookie");
  }
  expect(cached.count("/cookie")).toBe(2);
});
