import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { StaticSettings } from "@stack/config";
import { eventually, type TempFolder, tempFolder } from "@stack/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createErrorPages } from "../src/core/error-pages.ts";
import { plainSettings } from "../src/core/static/static-rules.ts";
import { createStaticBackend } from "../src/io/static/static-files.ts";
import { type FakeExchange, type FakeOptions, fakeExchange } from "./fixtures/fake-exchange.ts";

let folder: TempFolder;
let root: string;

beforeEach(() => {
  folder = tempFolder();
  root = join(folder.path, "public");
  mkdirSync(join(root, "css"), { recursive: true });
  mkdirSync(join(root, ".git"));
  mkdirSync(join(root, "empty"));
  writeFileSync(join(root, "index.html"), "<h1>home</h1>");
  writeFileSync(join(root, "css", "site.css"), "body { color: red }");
  writeFileSync(join(root, "css", "index.html"), "css home");
  writeFileSync(join(root, "a b.txt"), "0123456789");
  writeFileSync(join(root, "ü.txt"), "umlaut");
  writeFileSync(join(root, ".env"), "SECRET=1");
  writeFileSync(join(root, ".git", "config"), "secret");
  writeFileSync(join(root, "large.bin"), Buffer.alloc(1_000_000, "0123456789"));
  writeFileSync(join(folder.path, "secret.txt"), "secret");
});

afterEach(() => {
  vi.useRealTimers();
  folder[Symbol.dispose]();
});

const backendOf = (prefixLength = 0, settings: Partial<StaticSettings> = {}) =>
  createStaticBackend({
    root,
    prefixLength,
    cacheBytes: 1e6,
    pages: createErrorPages(),
    settings: { ...plainSettings, ...settings },
  });

async function get(
  target: string,
  options: FakeOptions = {},
  backend = backendOf(),
): Promise<FakeExchange> {
  const exchange = fakeExchange(target, options);
  backend.handle(exchange);
  await exchange.settled;
  return exchange;
}

test.for([
  ["/", "<h1>home</h1>", "text/html; charset=utf-8"],
  ["/index.html", "<h1>home</h1>", "text/html; charset=utf-8"],
  ["/css/site.css", "body { color: red }", "text/css; charset=utf-8"],
  ["/css/", "css home", "text/html; charset=utf-8"],
  ["/a%20b.txt?x=1", "0123456789", "text/plain; charset=utf-8"],
  ["/%C3%BC.txt", "umlaut", "text/plain; charset=utf-8"],
] as const)("%s is served", async ([target, body, type]) => {
  const exchange = await get(target);
  expect(exchange.got).toMatchObject({ status: 200, outcome: "ended" });
  expect(exchange.text()).toBe(body);
  expect(exchange.field("Content-Type")).toBe(type);
  expect(exchange.field("Last-Modified")).toMatch(/GMT$/);
  expect(exchange.field("ETag")).toMatch(/^"[^"]+"$/);
  expect(exchange.field("Accept-Ranges")).toBe("bytes");
});

test("a prefix of the route is taken off the path", async () => {
  const exchange = await get("/static/css/site.css", {}, backendOf("/static".length));
  expect(exchange.text()).toBe("body { color: red }");
});

test.for([
  ["/css", 0, "/css/"],
  ["/css?x=1", 0, "/css/?x=1"],
  ["/static", "/static".length, "/static/"],
] as const)("folder %s without its slash is redirected", async ([target, prefix, location]) => {
  const exchange = await get(target, {}, backendOf(prefix));
  expect(exchange.got.status).toBe(301);
  expect(exchange.field("Location")).toBe(location);
});

test.for([
  "/nothing.txt",
  "/index.html/",
  "/index.html/x",
  "/empty/",
  "/.env",
  "/.git/config",
  "/css/../.env",
  "/%2e%2e/secret.txt",
  "/css/%2E%2E%2F%2E%2E/secret.txt",
  "/..%2fsecret.txt",
  "/%2e%2e%5csecret.txt",
  "//css/site.css",
  "/css//site.css",
  "/css%2Fsite.css",
  `/${"x".repeat(300)}`,
])("%s is not found, or refused before", async (target) => {
  let exchange: FakeExchange;
  try {
    exchange = fakeExchange(target);
  } catch (error) {
    expect(String(error)).toContain("400");
    return;
  }
  backendOf().handle(exchange);
  await exchange.settled;
  expect(exchange.got).toMatchObject({ status: 404, outcome: "failed before the head" });
});

test("a path that a parser let through is judged again", async () => {
  for (const path of ["/../secret.txt", "/a\0b", "/%00", "/css/%2e%2e/%2e%2e/secret.txt", "*"]) {
    const exchange = fakeExchange("/");
    exchange.head.path = path;
    backendOf().handle(exchange);
    await exchange.settled;
    expect(exchange.got.status).toBe(404);
  }
});

test("a link is followed below the root and nowhere else", async () => {
  symlinkSync("css/site.css", join(root, "inside.css"));
  symlinkSync("../secret.txt", join(root, "outside.txt"));
  symlinkSync("/etc/passwd", join(root, "passwd"));
  symlinkSync(folder.path, join(root, "up"));
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("gone", join(root, "dangling"));

  expect((await get("/inside.css")).text()).toBe("body { color: red }");
  for (const target of ["/outside.txt", "/passwd", "/up/secret.txt", "/up", "/loop", "/dangling"]) {
    expect((await get(target)).got.status).toBe(404);
  }
});

test("a folder beside the root whose name begins like it is not below it", async () => {
  mkdirSync(`${root}-private`);
  writeFileSync(`${root}-private/x.txt`, "private");
  symlinkSync(`${root}-private/x.txt`, join(root, "x.txt"));
  expect((await get("/x.txt")).got.status).toBe(404);
});

test("FIFOs, devices and sockets are not opened, and nobody waits for them", async () => {
  execFileSync("mkfifo", [join(root, "fifo")]);
  symlinkSync("/dev/zero", join(root, "zero"));
  await using server = createServer().listen(join(root, "socket"));
  await eventually("the socket", () => existsSync(join(root, "socket")));

  for (const target of ["/fifo", "/zero", "/socket"]) {
    expect((await get(target)).got.status).toBe(404);
  }
  expect(server.listening).toBe(true);
});

test("a device below the root is not opened", async () => {
  root = "/dev";
  expect((await get("/zero")).got.status).toBe(404);
  expect((await get("/null")).got.status).toBe(404);
});

test("other methods are told which are allowed", async () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const exchange = await get("/index.html", { method });
    expect(exchange.got.status).toBe(405);
    expect(exchange.field("Allow")).toBe("GET, HEAD");
  }
});

test.for(["/index.html", "/large.bin"])("HEAD of %s has the head of a GET", async (target) => {
  const head = await get(target, { method: "HEAD" });
  const whole = await get(target);
  expect(head.text()).toBe("");
  expect(head.got.status).toBe(200);
  expect(head.got.length || whole.got.length).toBe(whole.got.length);
  expect(head.field("ETag")).toBe(whole.field("ETag"));
});

test("a large file is streamed, whole and in parts", async () => {
  const whole = await get("/large.bin");
  expect(whole.got).toMatchObject({ status: 200, length: 1_000_000, outcome: "ended" });
  expect(whole.text()).toBe("0123456789".repeat(100_000));

  const part = await get("/large.bin", { fields: ["Range: bytes=500000-999998"] });
  expect(part.got).toMatchObject({ status: 206, length: 499_999 });
  expect(part.field("Content-Range")).toBe("bytes 500000-999998/1000000");
  expect(part.text()).toBe("0123456789".repeat(50_000).slice(0, -1));
});

test("a slow client holds no more than a couple of chunks, and gets all", async () => {
  const exchange = fakeExchange("/large.bin", { boundBytes: 1 });
  backendOf().handle(exchange);
  let rounds = 0;
  await eventually("the end", () => {
    const waiting = exchange.got.pieces.length;
    if (!exchange.done) expect(waiting).toBeLessThanOrEqual(rounds + 1);
    rounds = waiting;
    exchange.drain();
    return exchange.done;
  });
  expect(exchange.text()).toBe("0123456789".repeat(100_000));
});

test("a large file that is asked for again and again is sent from memory, as long as it is the same", async () => {
  const backend = backendOf();
  const inMemory = () => {
    const exchange = fakeExchange("/large.bin", { fields: ["Range: bytes=999990-,0-3"] });
    backend.handle(exchange);
    return exchange.done ? exchange : undefined;
  };
  let exchange: FakeExchange | undefined;
  await eventually("it to be in memory", async () => {
    await get("/large.bin", {}, backend);
    exchange = inMemory();
    return exchange !== undefined;
  });
  expect(exchange?.text()).toContain("bytes 999990-999999/1000000\r\n\r\n0123456789");
  const whole = await get("/large.bin", {}, backend);
  expect(whole.text()).toBe("0123456789".repeat(100_000));
  const slow = fakeExchange("/large.bin", { boundBytes: 1 });
  backend.handle(slow);
  expect(slow.got.pieces).toHaveLength(1);
  slow.drain();
  expect(slow.text()).toBe("0123456789".repeat(100_000));
  expect(slow.done).toBe(true);

  writeFileSync(join(root, "large.bin"), Buffer.alloc(1_000_000, "abcdefghij"));
  await eventually("the change", async () => {
    const changed = await get("/large.bin", {}, backend);
    return changed.text() === "abcdefghij".repeat(100_000);
  });
});

test("an abort closes the file", async () => {
  const path = join(root, "large.bin");
  const exchange = fakeExchange("/large.bin", { boundBytes: 1 });
  backendOf().handle(exchange);
  await eventually("the first piece", () => exchange.got.pieces.length === 1);
  expect(openPaths()).toContain(path);
  exchange.abort();
  await eventually("the file to be closed", () => !openPaths().includes(path));
});

test("no file stays open after an answer", async () => {
  const backend = backendOf();
  for (const target of ["/large.bin", "/index.html", "/css", "/nothing"])
    await get(target, {}, backend);
  await eventually("all to be closed", () => !openPaths().some((path) => path.startsWith(root)));
});

test("a file that is cut short while it is sent cuts the client off", async () => {
  const exchange = fakeExchange("/large.bin", { boundBytes: 1 });
  backendOf().handle(exchange);
  await eventually("the first piece", () => exchange.got.pieces.length === 1);
  truncateSync(join(root, "large.bin"), 10);
  await eventually("the end", () => {
    exchange.drain();
    return exchange.done;
  });
  expect(exchange.got.outcome).toBe("cut off");
});

test("conditions are judged on the entity tag and the date", async () => {
  for (const target of ["/a%20b.txt", "/large.bin"]) {
    const backend = backendOf();
    const first = await get(target, {}, backend);
    const etag = first.field("ETag");
    const date = first.field("Last-Modified");
    const statusWith = async (...fields: string[]) =>
      (await get(target, { fields }, backend)).got.status;

    expect(await statusWith(`If-None-Match: ${etag}`)).toBe(304);
    expect(await statusWith(`If-None-Match: "x", W/${etag}`)).toBe(304);
    expect(await statusWith('If-None-Match: "x"', `If-Modified-Since: ${date}`)).toBe(200);
    expect(await statusWith(`If-Modified-Since: ${date}`)).toBe(304);
    expect(await statusWith("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT")).toBe(200);
    expect(await statusWith('If-Match: "x"')).toBe(412);
    expect(await statusWith(`If-Match: ${etag}`)).toBe(200);
    expect(await statusWith("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT")).toBe(412);
    expect(await statusWith("Range: bytes=1-3", `If-Range: ${etag}`)).toBe(206);
    expect(await statusWith("Range: bytes=1-3", 'If-Range: "x"')).toBe(200);
    expect(await statusWith("Range: bytes=1-3", `If-Range: W/${etag}`)).toBe(200);
    expect(await statusWith("Range: bytes=1-3,5-6")).toBe(206);
    expect(await statusWith("Range: bytes=1-3,5-6", 'If-Range: "x"')).toBe(200);
    expect(await statusWith("Range: bytes=0-,0-")).toBe(200);
    expect(await statusWith(`If-None-Match: ${etag}`, "If-Match: *", "Range: bytes=1-2")).toBe(304);
    expect(await statusWith('If-Match: "x"', `If-None-Match: ${etag}`)).toBe(412);
    expect(await statusWith(`If-Match: W/${etag}`)).toBe(412);
    expect(await statusWith("Range: lines=1-3")).toBe(200);
    expect(await statusWith("Range: bytes=9999999-")).toBe(416);
  }
});

test("a 304 has the validators and no type", async () => {
  const backend = backendOf();
  const etag = (await get("/index.html", {}, backend)).field("ETag");
  const again = await get("/index.html", { fields: [`If-None-Match: ${etag}`] }, backend);
  expect(again.field("ETag")).toBe(etag);
  expect(again.field("Content-Type")).toBeUndefined();
  expect(again.text()).toBe("");
});

test.for([
  ["bytes=0-0", "0", "bytes 0-0/10"],
  ["bytes=2-4", "234", "bytes 2-4/10"],
  ["bytes=7-", "789", "bytes 7-9/10"],
  ["bytes=-3", "789", "bytes 7-9/10"],
  ["bytes=5-500", "56789", "bytes 5-9/10"],
])("Range %s of a small file", async ([range, body, contentRange]) => {
  const exchange = await get("/a%20b.txt", { fields: [`Range: ${range}`] });
  expect(exchange.got.status).toBe(206);
  expect(exchange.text()).toBe(body);
  expect(exchange.field("Content-Range")).toBe(contentRange);
});

test("a range that cannot be given says how long the file is", async () => {
  const exchange = await get("/a%20b.txt", { fields: ["Range: bytes=10-"] });
  expect(exchange.got.status).toBe(416);
  expect(exchange.field("Content-Range")).toBe("bytes */10");
});

test("what was asked lately is answered at once, from memory", async () => {
  const backend = backendOf();
  await get("/index.html", {}, backend);
  rmSync(join(root, "index.html"));
  const exchange = fakeExchange("/index.html");
  backend.handle(exchange);
  expect(exchange.done).toBe(true);
  expect(exchange.text()).toBe("<h1>home</h1>");
});

test("a changed, a replaced and a deleted file are seen a second later", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const backend = backendOf();
  const file = join(root, "index.html");
  const seen = async () => {
    vi.setSystemTime(Date.now() + 1_000);
    const exchange = await get("/index.html", {}, backend);
    return exchange.got.status === 200 ? exchange.text() : exchange.got.status;
  };
  expect(await seen()).toBe("<h1>home</h1>");
  writeFileSync(file, "<h1>HOME</h1>");
  expect(await seen()).toBe("<h1>HOME</h1>");
  writeFileSync(`${file}.new`, "<h1>ho-e</h1>");
  renameSync(`${file}.new`, file);
  expect(await seen()).toBe("<h1>ho-e</h1>");
  writeFileSync(file, Buffer.alloc(300_000, "x"));
  expect(await seen()).toBe("x".repeat(300_000));
  rmSync(file);
  expect(await seen()).toBe(404);
  writeFileSync(file, "back");
  expect(await seen()).toBe("back");
});

test("two contents with the same size and time have different tags", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const backend = backendOf();
  const file = join(root, "index.html");
  const time = new Date("2020-01-01");
  utimesSync(file, time, time);
  const before = (await get("/index.html", {}, backend)).field("ETag");
  writeFileSync(`${file}.new`, "<h1>ho-e</h1>");
  utimesSync(`${file}.new`, time, time);
  renameSync(`${file}.new`, file);
  vi.setSystemTime(Date.now() + 1_000);
  const after = await get("/index.html", {}, backend);
  expect(after.text()).toBe("<h1>ho-e</h1>");
  expect(after.field("ETag")).not.toBe(before);
});

test("a root that is a link may be moved by a deployment", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const current = join(folder.path, "current");
  for (const release of ["one", "two"]) {
    mkdirSync(join(folder.path, release));
    writeFileSync(join(folder.path, release, "v.txt"), release);
  }
  symlinkSync("one", current);
  root = current;
  const backend = backendOf();
  expect((await get("/v.txt", {}, backend)).text()).toBe("one");
  symlinkSync("two", `${current}.new`);
  renameSync(`${current}.new`, current);
  vi.setSystemTime(Date.now() + 1_000);
  expect((await get("/v.txt", {}, backend)).text()).toBe("two");
});

test("the Date of an answer from memory is that of its second", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(new Date("2026-11-22T10:00:00.900Z"));
  const backend = backendOf();
  expect((await get("/index.html", {}, backend)).field("Date")).toBe(
    "Sun, 22 Nov 2026 10:00:00 GMT",
  );
  vi.setSystemTime(new Date("2026-11-22T10:00:01.100Z"));
  expect((await get("/index.html", {}, backend)).field("Date")).toBe(
    "Sun, 22 Nov 2026 10:00:01 GMT",
  );
});

function openPaths(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}
