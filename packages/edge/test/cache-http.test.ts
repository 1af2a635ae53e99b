/** Routes with `cache`, over a real edge and upstream: what is answered from memory, and how. */
import { exchangeRaw } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CachedEdge, fresh, startCached } from "./fixtures/cached.ts";

let cached: CachedEdge;

beforeAll(async () => {
  cached = await startCached();
});

afterAll(async () => {
  await cached[Symbol.asyncDispose]();
});

test("a second request is answered from memory, with Age and Cache-Status", async () => {
  cached.on("/page", fresh("hello"));
  const first = await cached.get("/page");
  expect([first.text, first.cache]).toEqual(["hello", "stack; fwd=uri-miss; stored"]);
  const second = await cached.get("/page");
  expect(second.text).toBe("hello");
  expect(second.cache).toMatch(/^stack; hit; ttl=(?:60|59|58)$/);
  expect(second.headers.age).toMatch(/^[0-2]$/);
  expect(second.headers.date).toBe(first.headers.date);
  expect(second.headers["content-type"]).toBe("text/plain");
  expect(cached.count("/page")).toBe(1);
});

test("the bytes of a hit are one plain answer", async () => {
  cached.on("/bytes", fresh("abc", { ETag: '"1"', "Cache-Tag": "one, two" }));
  await cached.get("/bytes");
  const host = `127.0.0.1:${cached.edge.port}`;
  const answer = await exchangeRaw(cached.edge.target, [
    `GET /bytes HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  ]);
  const [head = "", body] = answer.split("\r\n\r\n");
  expect(body).toBe("abc");
  expect(head.split("\r\n")).toEqual([
    "HTTP/1.1 200 OK",
    "Content-Type: text/plain",
    "Cache-Control: max-age=60",
    'ETag: "1"',
    expect.stringMatching(/^Date: .* GMT$/),
    expect.stringMatching(/^Age: \d$/),
    expect.stringMatching(/^Cache-Status: stack; hit; ttl=\d+$/),
    "Content-Length: 3",
    "Connection: close",
  ]);
});

test("tags are for the cache: no client sees them, of a miss or a hit", async () => {
  cached.on("/tagged", fresh("t", { "Cache-Tag": "a" }));
  for (let times = 0; times < 2; times += 1) {
    expect((await cached.get("/tagged")).headers["cache-tag"]).toBeUndefined();
  }
});

test("conditions and ranges are answered from what is stored, HEAD from GET", async () => {
  cached.on("/whole", fresh("0123456789", { ETag: '"v1"' }));
  await cached.get("/whole");
  const unchanged = await cached.get("/whole", { "If-None-Match": '"v1"' });
  expect([unchanged.status, unchanged.text, unchanged.headers.etag]).toEqual([304, "", '"v1"']);
  const part = await cached.get("/whole", { Range: "bytes=2-4" });
  expect([part.status, part.text, part.headers["content-range"]]).toEqual([
    206,
    "234",
    "bytes 2-4/10",
  ]);
  const parts = await cached.get("/whole", { Range: "bytes=0-1,8-9" });
  expect(parts.status).toBe(206);
  expect(parts.headers["content-type"]).toMatch(/^multipart\/byteranges; boundary=/);
  expect(Number(parts.headers["content-length"])).toBe(parts.body.length);
  const beyond = await cached.get("/whole", { Range: "bytes=20-" });
  expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */10"]);
  const head = await cached.get("/whole", {}, "HEAD");
  expect([head.status, head.headers["content-length"], head.text]).toEqual([200, "10", ""]);
  expect(head.cache).toMatch(/hit/);
  expect(cached.count("/whole")).toBe(1);
});

test("a condition that holds at the first request gets a 304, and the answer is stored", async () => {
  cached.on("/first", (request, response) => {
    expect(request.headers["if-none-match"]).toBeUndefined();
    fresh("body", { ETag: '"v1"' })(request, response);
  });
  expect((await cached.get("/first", { "If-None-Match": '"v1"' })).status).toBe(304);
  expect((await cached.get("/first")).text).toBe("body");
  expect(cached.count("/first")).toBe(1);
});

test.for([
  ["no-store", { "Cache-Control": "no-store" }],
  ["private", { "Cache-Control": "private, max-age=60" }],
  ["no freshness", { "Cache-Control": "" }],
  ["a cookie", { "Set-Cookie": "a=b" }],
  ["Vary: *", { Vary: "*" }],
] as const)("an answer with %s is passed on, and not stored", async ([name, headers]) => {
  const path = `/not-${name.replace(/\W/g, "")}`;
  cached.on(path, fresh("x", headers));
  for (let times = 0; times < 2; times += 1) {
    const answer = await cached.get(path);
    expect(answer.text).toBe("x");
    expect(answer.cache).toMatch(/^stack; fwd=uri-miss/);
  }
  expect(cached.count(path)).toBe(2);
});

test("an answer to a login is stored only where it says so", async () => {
  cached.on("/login", fresh("mine"));
  const authorization = { Authorization: "Bearer 1" };
  await cached.get("/login", authorization);
  await cached.get("/login", authorization);
  expect(cached.count("/login")).toBe(2);
  cached.on("/public", fresh("all", { "Cache-Control": "public, max-age=60" }));
  await cached.get("/public", authorization);
  expect((await cached.get("/public")).cache).toMatch(/hit/);
});

test("answers that vary are kept one beside the other", async () => {
  cached.on("/language", (request, response) => {
    fresh(`in ${request.headers["accept-language"]}`, { Vary: "Accept-Language" })(
      request,
      response,
    );
  });
  for (const [language, hit] of [
    ["de", false],
    ["fr", false],
    ["de", true],
    ["fr", true],
    ["DE", true],
  ] as const) {
    const answer = await cached.get("/language", { "Accept-Language": language });
    expect(answer.text).toBe(`in ${language.toLowerCase()}`);
    expect(answer.cache.includes("hit"), language).toBe(hit);
  }
});

test("a longer answer than the limit is passed on whole, and not stored", async () => {
  const long = "x".repeat(3 * 1024 * 1024);
  cached.on("/long", fresh(long));
  cached.on("/chunked", (_request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60" });
    for (let at = 0; at < long.length; at += 64 * 1024) response.write(long.slice(at, at + 65_536));
    response.end();
  });
  for (const path of ["/long", "/chunked"]) {
    for (let times = 0; times < 2; times += 1) {
      const answer = await cached.get(path);
      expect(answer.body.length, path).toBe(long.length);
    }
    expect(cached.count(path), path).toBe(2);
  }
});

test("an answer that breaks off is cut for its client, and never stored", async () => {
  cached.on("/short", (_request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60", "Content-Length": "100" });
    response.write("half");
    setImmediate(() => response.destroy());
  });
  for (let times = 0; times < 2; times += 1) {
    await expect(cached.get("/short")).rejects.toThrow();
  }
  expect(cached.count("/short")).toBeGreaterThan(1);
});

test("what changes something makes what is stored of it invalid", async () => {
  cached.on("/thing", (request, response) => {
    if (request.method === "GET") fresh("thing")(request, response);
    else response.writeHead(303, { Location: "/list", "Content-Location": "/other" }).end();
  });
  cached.on("/list", fresh("list"));
  cached.on("/other", fresh("other"));
  for (const path of ["/thing", "/list", "/other"]) await cached.get(path);
  const posted = await cached.get("/thing", {}, "POST");
  expect([posted.status, posted.cache]).toEqual([303, "stack; fwd=method"]);
  for (const path of ["/thing", "/list", "/other"]) {
    expect((await cached.get(path)).cache, path).toMatch(/fwd=uri-miss/);
    expect((await cached.get(path)).cache, path).toMatch(/hit/);
  }
});

test("early hints of an answer that is stored reach the client that caused it", async () => {
  cached.on("/hints", (request, response) => {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    fresh("page")(request, response);
  });
  const host = `127.0.0.1:${cached.edge.port}`;
  const ask = `GET /hints HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  const first = await exchangeRaw(cached.edge.target, [ask]);
  expect(first).toMatch(
    /^HTTP\/1\.1 103 .*\r\nlink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 /i,
  );
  expect(await exchangeRaw(cached.edge.target, [ask])).toMatch(/^HTTP\/1\.1 200 /);
  expect(cached.count("/hints")).toBe(1);
});
