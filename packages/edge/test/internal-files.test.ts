/** X-Accel-Redirect and X-Sendfile of an app and an upstream, over a real edge. */
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { exchangeRaw, type TempFolder, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { plainSettings } from "../src/core/static/static-rules.ts";
import { type EdgeProcess, route, startEdge } from "./edge-process.ts";
import { type FakeWorker, startWorker } from "./fake-worker.ts";

let folder: TempFolder;
let root: string;
let server: Server;
let worker: FakeWorker;
let edge: EdgeProcess;
const large = "0123456789".repeat(200_000);

beforeAll(async () => {
  folder = tempFolder();
  root = join(folder.path, "protected");
  mkdirSync(join(root, "sub"), { recursive: true });
  writeFileSync(join(root, "report.txt"), "0123456789");
  writeFileSync(join(root, "sub", "a b ü.txt"), "deep");
  writeFileSync(join(root, "large.bin"), large);
  writeFileSync(join(root, ".env"), "SECRET");
  writeFileSync(join(folder.path, "secret.txt"), "SECRET");
  symlinkSync("../secret.txt", join(root, "link.txt"));
  server = createServer((request, response) => {
    // The order is in the query: "?X-Sendfile=/a".
    const url = new URL(request.url ?? "/", "http://a");
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    response.setHeader("X-Own", "1");
    response.setHeader("ETag", '"app"');
    response.setHeader("Content-Type", "text/plain; charset=ascii");
    for (const [name, value] of url.searchParams) response.setHeader(name, value);
    response.end("the app's own body".repeat(url.pathname === "/up/long" ? 50_000 : 1));
  }).listen(0);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  worker = await startWorker(folder.path, async (request) => {
    const query = request.env.get("QUERY_STRING") ?? "";
    const order = `X-Accel-Redirect: ${query}\r\nContent-Type: image/png\r\n`;
    if (query === "fail") {
      request.head(`200 OK\r\nX-Accel-Redirect: /files/report.txt\r\n`);
      request.fail();
    } else await request.answer("own body", `404 Not Found\r\n${order}`);
  });
  edge = await startEdge({
    threads: 1,
    plan: {
      routes: [
        { ...route("/files/*", { kind: "static", root }), internal: true },
        {
          ...route("/cached/*", {
            kind: "static",
            root,
            settings: { ...plainSettings, maxAgeMs: 60_000 },
          }),
          internal: true,
        },
        route("/up/*", { kind: "upstream", upstream: "up" }),
        route("/*", { kind: "app", app: "shop" }),
      ],
      upstreams: { up: { servers: [`127.0.0.1:${port}`] } },
    },
  });
  await edge.arbiter("shop", [worker.record]);
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  server.close();
  server.closeAllConnections();
  folder[Symbol.dispose]();
});

const ask = (target: string, fields = "", method = "GET"): Promise<string> =>
  exchangeRaw(edge.target, [
    `${method} ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${fields}\r\n`,
  ]);

const accel = (path: string): string => `/up/x?X-Accel-Redirect=${encodeURIComponent(path)}`;
const sendfile = (path: string): string => `/up/x?X-Sendfile=${encodeURIComponent(path)}`;

test("a client does not reach what is internal", async () => {
  for (const target of ["/files/report.txt", "/files", "/files/", "/files/sub/", "/cached/x"]) {
    expect(await ask(target)).toMatch(/^HTTP\/1\.1 404 /);
  }
});

test("a file that an app names is sent with what the app says of it", async () => {
  const answer = await ask(
    `${accel("/files/report.txt")}&Content-Disposition=attachment&Cache-Control=private&Expires=0`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer.endsWith("\r\n\r\n0123456789")).toBe(true);
  expect(answer).toContain("\r\nContent-Type: text/plain; charset=ascii\r\n");
  expect(answer).toContain("\r\nContent-Disposition: attachment\r\n");
  expect(answer).toContain("\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
  expect(answer).toContain("\r\nCache-Control: private\r\n");
  expect(answer).toContain("\r\nExpires: 0\r\n");
  expect(answer).toContain("\r\nContent-Length: 10\r\n");
  expect(answer).toMatch(/\r\nETag: "[^"]+-[^"]+"\r\n/);
  expect(answer).not.toMatch(/x-accel|x-own|"app"|own body|charset=utf-8/i);
});

test("the route's lifetime holds where the app says none", async () => {
  expect(await ask(accel("/cached/report.txt"))).toContain("\r\nCache-Control: max-age=60\r\n");
  const own = await ask(`${accel("/cached/report.txt")}&Cache-Control=no-store`);
  expect(own.match(/Cache-Control: [^\r]*/g)).toEqual(["Cache-Control: no-store"]);
});

test("a worker's answer is obeyed as well, whatever its status", async () => {
  const answer = await ask("/any?/files/report.txt", "", "POST");
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)?Content-Type: image\/png\r\n/s);
  expect(answer.endsWith("\r\n\r\n0123456789")).toBe(true);
});

test("an app that fails after its order gets an error page, not a file", async () => {
  const answer = await ask("/any?fail");
  expect(answer).toMatch(/^HTTP\/1\.1 50\d /);
  expect(answer).not.toContain("0123456789");
});

test("ranges, conditions, HEAD and large files work as for any file", async () => {
  const part = await ask(accel("/files/report.txt"), "Range: bytes=2-3\r\n");
  expect(part).toMatch(/^HTTP\/1\.1 206 .*\r\nContent-Range: bytes 2-3\/10\r\n/s);
  expect(part.endsWith("\r\n\r\n23")).toBe(true);
  const etag = /\r\nETag: ([^\r]+)/.exec(part)?.[1] ?? "";
  expect(await ask(accel("/files/report.txt"), `If-None-Match: ${etag}\r\n`)).toMatch(
    /^HTTP\/1\.1 304 .*\r\nSet-Cookie: a=1\r\n/s,
  );
  const head = await ask(accel("/files/large.bin"), "", "HEAD");
  expect(head).toMatch(/\r\nContent-Length: 2000000\r\n[\s\S]*\r\n\r\n$/);
  const whole = await ask(accel("/files/large.bin"));
  expect(whole.slice(whole.indexOf("\r\n\r\n") + 4)).toBe(large);
  const tail = await ask(accel("/files/large.bin"), "Range: bytes=-3,0-0\r\n");
  expect(tail).toContain("Content-Range: bytes 1999997-1999999/2000000");
});

test("names may be encoded or not, and end in a query", async () => {
  for (const path of ["/files/sub/a%20b%20%C3%BC.txt", "/files/x/../sub/a%20b%20%c3%bc.txt?x"]) {
    expect((await ask(accel(path))).endsWith("\r\n\r\ndeep")).toBe(true);
  }
});

test.for([
  "/files/nothing.txt",
  "/files/.env",
  "/files/link.txt",
  "/files/sub",
  "/files/sub/",
  "/files/../secret.txt",
  "/files/%2e%2e/secret.txt",
  "/files/..%2fsecret.txt",
  "/files/%00",
  "/up/x",
  "/etc/passwd",
  "files/report.txt",
  "http://a.test/files/report.txt",
  "/filesreport.txt",
])("the order %s sends nothing", async (path) => {
  const answer = await ask(accel(path));
  expect(answer).toMatch(/^HTTP\/1\.1 (?:404|502) /);
  expect(answer).not.toMatch(/SECRET|0123456789|own body|x-accel|root:/i);
});

test("X-Sendfile names a file below the root of an internal route", async () => {
  const answer = await ask(sendfile(join(root, "report.txt")));
  expect(answer.endsWith("\r\n\r\n0123456789")).toBe(true);
  expect(answer).not.toMatch(/x-sendfile/i);
});

test.for([
  "../secret.txt",
  "sub/../../secret.txt",
  ".env",
  "link.txt",
  "nothing.txt",
  "sub",
  "%72eport.txt",
])("X-Sendfile of %s below the root sends nothing", async (name) => {
  const answer = await ask(sendfile(`${root}/${name}`));
  expect(answer).toMatch(/^HTTP\/1\.1 (?:404|502) /);
  expect(answer).not.toMatch(/SECRET|0123456789|own body/);
});

test("X-Sendfile of any other file sends nothing", async () => {
  for (const path of [
    "/etc/passwd",
    `${root}-x/a`,
    join(folder.path, "secret.txt"),
    "report.txt",
  ]) {
    expect(await ask(sendfile(path))).toMatch(/^HTTP\/1\.1 502 /);
  }
});

test("the app's own long body is dropped, and both connections go on", async () => {
  const line = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n`;
  const order = "X-Accel-Redirect=/files/report.txt";
  const answer = await exchangeRaw(edge.target, [
    `${line(`/up/long?${order}`)}\r\n${line(`/up/x?${order}`)}\r\n${line("/up/plain")}Connection: close\r\n\r\n`,
  ]);
  expect(answer.match(/HTTP\/1\.1 200 OK\r/g)).toHaveLength(3);
  expect(answer.match(/\r\n\r\n0123456789/g)).toHaveLength(2);
  expect(answer.match(/own body/g)).toHaveLength(1);
});
