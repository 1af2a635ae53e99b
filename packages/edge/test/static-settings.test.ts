/** What a `static` route can be told beyond its root: every look-up of it, and that none leads out. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StaticSettings } from "@stack/config";
import { eventually, type TempFolder, tempFolder } from "@stack/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createErrorPages } from "../src/core/error-pages.ts";
import { plainSettings } from "../src/core/static/static-rules.ts";
import type { Backend } from "../src/io/exchange.ts";
import { createStaticBackend } from "../src/io/static/static-files.ts";
import { type FakeExchange, type FakeOptions, fakeExchange } from "./fixtures/fake-exchange.ts";

let folder: TempFolder;
let root: string;

beforeEach(() => {
  folder = tempFolder();
  root = join(folder.path, "public");
  mkdirSync(join(root, "docs"), { recursive: true });
  mkdirSync(join(root, ".git"));
  write("index.html", "home");
  write("about.html", "about");
  write("docs/start.htm", "start");
  write("app.js", "identity");
  write("large.bin", "0123456789".repeat(60_000));
  write(".env", "SECRET");
  write(".git/config", "SECRET");
  writeFileSync(join(folder.path, "secret.txt"), "SECRET");
});

afterEach(() => {
  vi.useRealTimers();
  folder[Symbol.dispose]();
});

const write = (name: string, text: string | Buffer, at?: Date): void => {
  writeFileSync(join(root, name), text);
  if (at !== undefined) utimesSync(join(root, name), at, at);
};

function backendOf(settings: Partial<StaticSettings>, prefixLength = 0) {
  const pages = createErrorPages();
  const all = { ...plainSettings, ...settings };
  return createStaticBackend({ root, prefixLength, cacheBytes: 1e6, pages, settings: all });
}

async function get(
  target: string,
  settings: Partial<StaticSettings> | ReturnType<typeof backendOf>,
  options: FakeOptions = {},
): Promise<FakeExchange> {
  const exchange = fakeExchange(target, options);
  ("handle" in settings ? settings : backendOf(settings)).handle(exchange);
  await exchange.settled;
  return exchange;
}

const accept = (value: string): FakeOptions => ({ fields: [`Accept-Encoding: ${value}`] });

test("the names of an index are tried in turn", async () => {
  const settings = { index: ["index.htm", "start.htm"] };
  expect((await get("/docs/", settings)).text()).toBe("start");
  expect((await get("/docs", settings)).got.status).toBe(301);
  expect((await get("/", settings)).got.status).toBe(404);
  expect((await get("/docs/", { index: [] })).got.status).toBe(404);
});

test("tryFiles are looked up in turn", async () => {
  const backend = backendOf({ tryFiles: ["{path}", "{path}.html", "{path}/"] });
  expect((await get("/app.js", backend)).text()).toBe("identity");
  expect((await get("/about", backend)).text()).toBe("about");
  expect((await get("/about", backend)).field("Content-Type")).toBe("text/html; charset=utf-8");
  expect((await get("/", backend)).text()).toBe("home");
  expect((await get("/docs", backend)).field("Location")).toBe("/docs/");
  expect((await get("/nothing", backend)).got.status).toBe(404);
  expect((await get("/about.html/", backend)).got.status).toBe(404);
});

test("what is no file goes to the app beside it, and so do scripts, other methods and upgrades", async () => {
  write("index.php", "<?php SECRET ?>");
  const asked: string[] = [];
  const app: Backend = {
    wantsBody: true,
    handle(exchange) {
      asked.push(`${exchange.head.method} ${exchange.head.path}`);
      exchange.answer(200, "OK", "", "made");
    },
    retire: () => {},
  };
  const backend = createStaticBackend({
    ...{ root, prefixLength: 0, cacheBytes: 1e6, pages: createErrorPages(), otherwise: app },
  });
  expect(backend.wantsBody).toBe(true);

  expect((await get("/app.js", backend)).text()).toBe("identity");
  expect((await get("/", backend)).text()).toBe("home");
  for (const path of [
    "/shop/1",
    "/docs",
    "/docs/",
    "/index.php",
    "/INDEX.PHP",
    "/index.php/x/app.js",
  ]) {
    expect((await get(path, backend)).text()).toBe("made");
  }
  expect((await get("/.env", backend)).text()).toBe("made");
  expect((await get("/app.js", backend, { method: "POST" })).text()).toBe("made");
  expect((await get("/app.js", backend, { upgrade: "websocket" })).text()).toBe("made");

  expect(asked).toHaveLength(9);
});

test("a fallback answers for what is not there, and is not kept as if it were", async () => {
  const settings = { fallback: "/index.html", maxAgeMs: 31_536_000_000, immutable: true };
  const backend = backendOf(settings, "/app".length);
  for (const target of ["/app/cart/7", "/app/users/john.doe", "/app/nothing/", "/app/cart/7"]) {
    const exchange = await get(target, backend);
    expect(exchange.got.status).toBe(200);
    expect(exchange.text()).toBe("home");
    expect(exchange.field("Cache-Control")).toBe("no-cache");
  }
  const real = await get("/app/app.js", backend);
  expect(real.field("Cache-Control")).toBe("max-age=31536000, immutable");
  const etag = (await get("/app/x", backend)).field("ETag");
  const again = await get("/app/y", backend, { fields: [`If-None-Match: ${etag}`] });
  expect(again.got.status).toBe(304);
});

test("a fallback that was changed is seen at once by paths that were not asked before", async () => {
  const backend = backendOf({ fallback: "/index.html" });
  expect((await get("/x", backend)).text()).toBe("home");
  write("index.html", "HOME 2");
  expect((await get("/y", backend)).text()).toBe("HOME 2");
});

test.for([
  "/.env",
  "/.git/config",
  "/%2eenv",
  "/docs%2f..%2f.env",
  "/..%5c..%5csecret.txt",
  "/link.txt",
  "/up/secret.txt",
  "/fifo",
  "/zero",
  "/docs/../.env",
])("%s leads nowhere by any look-up", async (target) => {
  symlinkSync("../secret.txt", join(root, "link.txt"));
  symlinkSync("../secret.txt", join(root, "link.txt.html"));
  symlinkSync("..", join(root, "up"));
  symlinkSync("/dev/zero", join(root, "zero"));
  execFileSync("mkfifo", [join(root, "fifo")]);
  for (const settings of [
    { tryFiles: ["{path}", "{path}.html", "{path}/", "/docs/{path}"] },
    { index: ["link.txt", "fifo", "zero"], listing: true },
    { precompressed: true },
    { fallback: "/link.txt" },
  ]) {
    // As if a parser had let it through.
    const exchange = fakeExchange("/");
    exchange.head.path = target;
    backendOf(settings).handle(exchange);
    await exchange.settled;
    expect(exchange.got.status).toBe(404);
    expect(exchange.text()).not.toContain("SECRET");
  }
});

test("an index, a fallback and a fixed try that are links to the outside are not found", async () => {
  symlinkSync("../secret.txt", join(root, "docs", "index.html"));
  symlinkSync("/etc/passwd", join(root, "fall.html"));
  expect((await get("/docs/", {})).got.status).toBe(404);
  expect((await get("/x", { fallback: "/fall.html" })).got.status).toBe(404);
  expect((await get("/x", { tryFiles: ["{path}", "/fall.html"] })).got.status).toBe(404);
  expect((await get("/x", { tryFiles: ["/../secret.txt"] })).got.status).toBe(404);
});

test.for([
  ["br", "br", "brotli"],
  ["gzip", "gzip", "gzipped"],
  ["gzip, br, zstd", "br", "brotli"],
  ["gzip;q=1, br;q=0.2", "gzip", "gzipped"],
  ["br;q=0, zstd", "zstd", "zstandard"],
  ["*", "br", "brotli"],
  ["deflate", undefined, "identity"],
  ["identity, gzip;q=0.3", undefined, "identity"],
] as const)("Accept-Encoding: %s gets the variant %s", async ([value, encoding, body]) => {
  write("app.js.br", "brotli");
  write("app.js.zst", "zstandard");
  write("app.js.gz", "gzipped");
  const backend = backendOf({ precompressed: true });
  for (const round of ["from the disk", "from memory"]) {
    const exchange = await get("/app.js", backend, accept(value));
    expect(exchange.text(), round).toBe(body);
    expect(exchange.field("Content-Encoding")).toBe(encoding);
    expect(exchange.field("Content-Type")).toBe("text/javascript; charset=utf-8");
    expect(exchange.field("Vary")).toBe("Accept-Encoding");
  }
  expect((await get("/app.js", backend)).text()).toBe("identity");
});

test("each variant has a tag of its own, and ranges of its own bytes", async () => {
  write("app.js.gz", "gzipped");
  const backend = backendOf({ precompressed: true });
  const plain = await get("/app.js", backend);
  const coded = await get("/app.js", backend, accept("gzip"));
  expect(coded.field("ETag")).not.toBe(plain.field("ETag"));
  const both = await get("/app.js", backend, {
    fields: ["Accept-Encoding: gzip", `If-None-Match: ${plain.field("ETag")}`],
  });
  expect(both.got.status).toBe(200);
  const same = await get("/app.js", backend, {
    fields: ["Accept-Encoding: gzip", `If-None-Match: ${coded.field("ETag")}`],
  });
  expect(same.got.status).toBe(304);
  expect(same.field("Vary")).toBe("Accept-Encoding");
  const part = await get("/app.js", backend, {
    fields: ["Accept-Encoding: gzip", "Range: bytes=0-1"],
  });
  expect(part.text()).toBe("gz");
  expect(part.field("Content-Range")).toBe("bytes 0-1/7");
});

test("a variant older than its file, and one that leads out, are not used", async () => {
  write("app.js", "identity", new Date("2026-01-02"));
  write("app.js.br", "brotli", new Date("2026-01-01"));
  symlinkSync("../secret.txt", join(root, "app.js.gz"));
  execFileSync("mkfifo", [join(root, "app.js.zst")]);
  const exchange = await get("/app.js", { precompressed: true }, accept("br, gzip, zstd"));
  expect(exchange.text()).toBe("identity");
  expect(exchange.field("Content-Encoding")).toBeUndefined();
});

test("a variant that comes, changes and goes is seen a second later", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const backend = backendOf({ precompressed: true });
  const seen = async () => {
    vi.setSystemTime(Date.now() + 5_000);
    return (await get("/app.js", backend, accept("gzip"))).text();
  };
  expect(await seen()).toBe("identity");
  write("app.js.gz", "one");
  expect(await seen()).toBe("one");
  write("app.js.gz", "two!");
  expect(await seen()).toBe("two!");
  write("app.js", "newer", new Date(Date.now() + 60_000));
  expect(await seen()).toBe("newer");
});

test("a large variant is streamed", async () => {
  write("large.bin.br", "b".repeat(400_000));
  const exchange = await get("/large.bin", { precompressed: true }, accept("br"));
  expect(exchange.got.length).toBe(400_000);
  expect(exchange.field("Content-Encoding")).toBe("br");
  const head = await get(
    "/large.bin",
    { precompressed: true },
    { method: "HEAD", ...accept("br") },
  );
  expect(head.got.length).toBe(400_000);
});

test("without precompressed what lies beside a file does not count", async () => {
  write("app.js.gz", "gzipped");
  const exchange = await get("/app.js", {}, accept("gzip"));
  expect(exchange.text()).toBe("identity");
  expect(exchange.field("Vary")).toBeUndefined();
});

test.for(["/app.js", "/large.bin"])("several ranges of %s are one answer", async (target) => {
  const backend = backendOf({ headers: { "X-A": "1" } });
  const whole = (await get(target, backend)).text();
  const size = whole.length;
  const exchange = await get(target, backend, { fields: ["Range: bytes=0-1,-2"] });
  expect(exchange.got.status).toBe(206);
  const boundary = /boundary=([0-9a-f]{36})$/.exec(exchange.field("Content-Type") ?? "")?.[1];
  const type = (await get(target, backend)).field("Content-Type");
  expect(exchange.text().split(`\r\n--${boundary}`)).toEqual([
    "",
    `\r\nContent-Type: ${type}\r\nContent-Range: bytes 0-1/${size}\r\n\r\n${whole.slice(0, 2)}`,
    `\r\nContent-Type: ${type}\r\nContent-Range: bytes ${size - 2}-${size - 1}/${size}\r\n\r\n${whole.slice(-2)}`,
    "--\r\n",
  ]);
  expect(exchange.got.length).toBe(exchange.text().length);
  expect(exchange.field("Content-Range")).toBeUndefined();
  expect(exchange.field("X-A")).toBe("1");
});

test("several ranges reach a slow client, who holds no more than a couple of chunks", async () => {
  const exchange = fakeExchange("/large.bin", {
    boundBytes: 1,
    fields: ["Range: bytes=0-299999,300000-599999"],
  });
  backendOf({}).handle(exchange);
  await eventually("the end", () => {
    exchange.drain();
    return exchange.done;
  });
  expect(
    exchange
      .text()
      .replace(/\r\n--[\s\S]*?\r\n\r\n/g, "")
      .slice(0, 600_000),
  ).toBe("0123456789".repeat(60_000));
  expect(exchange.text().length).toBe(exchange.got.length);
});

test("a listing shows what can be asked for, folders first", async () => {
  symlinkSync("../../secret.txt", join(root, "docs", "out.txt"));
  symlinkSync("start.htm", join(root, "docs", "in.htm"));
  mkdirSync(join(root, "docs", "z"));
  mkdirSync(join(root, "docs", ".hidden"));
  execFileSync("mkfifo", [join(root, "docs", "fifo")]);
  write("docs/<b>.txt", "x");
  const page = await get("/docs/", { listing: true });
  expect(page.field("Content-Type")).toBe("text/html; charset=utf-8");
  expect([...page.text().matchAll(/<a href="([^"]*)"/g)].map((it) => it[1])).toEqual([
    "../",
    "./z/",
    "./%3Cb%3E.txt",
    "./in.htm",
    "./start.htm",
  ]);
  expect(page.text()).not.toContain("<b>");
  const json = await get("/docs/", { listing: true }, { fields: ["Accept: application/json"] });
  expect(JSON.parse(json.text())).toMatchObject([
    { name: "z", type: "directory" },
    { name: "<b>.txt", type: "file", size: 1 },
    { name: "in.htm", type: "file", size: 5 },
    { name: "start.htm", type: "file", size: 5 },
  ]);
  expect(json.field("Vary")).toBe("Accept");
});

test("a listing is bounded, and an index comes before it", async () => {
  mkdirSync(join(root, "many"));
  for (let index = 0; index < 1_010; index += 1) write(`many/${index}`, "");
  const page = await get("/many/", { listing: true });
  expect(page.text().match(/<a href="\.\/\d/g)).toHaveLength(1_000);
  expect(page.text()).toContain("Only the first 1000 names");
  expect((await get("/", { listing: true })).text()).toBe("home");
  expect((await get("/many", { listing: true })).field("Location")).toBe("/many/");
  expect((await get("/.git/", { listing: true })).got.status).toBe(404);
});

test("types and header lines are the route's own", async () => {
  const settings = {
    types: { js: "text/x-own" },
    headers: { "X-Frame-Options": "DENY" },
    maxAgeMs: 60_000,
  };
  const exchange = await get("/app.js", settings);
  expect(exchange.field("Content-Type")).toBe("text/x-own");
  expect(exchange.field("X-Frame-Options")).toBe("DENY");
  expect(exchange.field("Cache-Control")).toBe("max-age=60");
  const again = await get("/app.js", settings, { fields: ["If-None-Match: *"] });
  expect(again.got.status).toBe(304);
  expect(again.field("Cache-Control")).toBe("max-age=60");
});
