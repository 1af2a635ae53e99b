/** Static files as bytes over a real edge process. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { eventually, exchangeRaw, type TempFolder, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge } from "./edge-process.ts";

let folder: TempFolder;
let root: string;
let edge: EdgeProcess;
const large = Buffer.alloc(5_000_000, "0123456789abcdef");

beforeAll(async () => {
  folder = tempFolder();
  root = join(folder.path, "public");
  mkdirSync(join(root, "css"), { recursive: true });
  writeFileSync(join(root, "index.html"), "<h1>home</h1>");
  writeFileSync(join(root, "css", "site.css"), "body{}");
  writeFileSync(join(root, "digits.txt"), "0123456789");
  writeFileSync(join(root, ".env"), "SECRET=1");
  writeFileSync(join(root, "large.bin"), large);
  writeFileSync(join(folder.path, "secret.txt"), "SECRET=1");
  symlinkSync("../secret.txt", join(root, "link.txt"));
  symlinkSync("/dev/zero", join(root, "zero"));
  execFileSync("mkfifo", [join(root, "fifo")]);
  edge = await startEdge({
    threads: 1,
    plan: {
      routes: [
        route("/*", { kind: "static", root }),
        route("/files/*", { kind: "static", root }),
        route("/files/fixed", { kind: "respond", status: 200, body: "fixed", type: "x/y" }),
      ],
    },
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const request = (target: string, fields = "", method = "GET"): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${fields}\r\n`;

const ask = (target: string, fields = "", method = "GET"): Promise<string> =>
  exchangeRaw(edge.target, [request(target, fields, method)]);

const statusOf = (answer: string): number => Number(answer.slice(9, 12));

test("a file, an index and a file under a prefix are served", async () => {
  expect(await ask("/digits.txt")).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n0123456789$/s);
  expect(await ask("/")).toContain("\r\n\r\n<h1>home</h1>");
  expect(await ask("/files/css/site.css")).toContain("\r\n\r\nbody{}");
  expect(await ask("/files/fixed")).toContain("\r\n\r\nfixed");
  expect(await ask("/files")).toMatch(/^HTTP\/1\.1 301 .*\r\nLocation: \/files\/\r\n/s);
});

test.for([
  "/.env",
  "/css/../.env",
  "/%2eenv",
  "/%2e%2e/secret.txt",
  "/../secret.txt",
  "/css/%2e%2e/%2e%2e/secret.txt",
  "/..%2fsecret.txt",
  "/..%5csecret.txt",
  "/files/../../secret.txt",
  "/files%2f..%2f..%2fsecret.txt",
  "/link.txt",
  "/zero",
  "/fifo",
  "/digits.txt%00.html",
  "/digits.txt/",
  "//digits.txt",
  "/css//site.css",
  "/css%2Fsite.css",
])("%s gives nothing away", async (target) => {
  const answer = await ask(target);
  expect([400, 404]).toContain(statusOf(answer));
  expect(answer).not.toContain("SECRET");
  expect(answer).not.toContain("0123456789");
});

test("a HEAD has the length and no body, also on a connection that goes on", async () => {
  const answer = await exchangeRaw(edge.target, [
    "HEAD /digits.txt HTTP/1.1\r\nHost: a\r\n\r\nHEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n",
    request("/digits.txt"),
  ]);
  expect(answer.match(/^HTTP\/1\.1 200 OK\r$/gm)).toHaveLength(3);
  expect(answer).toContain("Content-Length: 5000000\r\n\r\nHTTP/1.1 200");
  expect(answer.endsWith("\r\n\r\n0123456789")).toBe(true);
});

test("pipelined requests are answered in order, whatever each of them needs", async () => {
  const targets = ["/digits.txt", "/nothing", "/css/site.css", "/large.bin", "/", "/fifo"];
  const pieces = targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const answer = await exchangeRaw(edge.target, [pieces.join("") + request("/digits.txt")]);
  expect([...answer.matchAll(/HTTP\/1\.1 (\d+) /g)].map((match) => match[1])).toEqual([
    "200",
    "404",
    "200",
    "200",
    "200",
    "404",
    "200",
  ]);
  expect(answer).toContain(large.toString("latin1"));
});

test("conditions and ranges are answered", async () => {
  const first = await ask("/digits.txt");
  const etag = /\r\nETag: ([^\r]+)/.exec(first)?.[1] ?? "";
  const notModified = await ask("/digits.txt", `If-None-Match: ${etag}\r\n`);
  expect(statusOf(notModified)).toBe(304);
  expect(notModified.endsWith("\r\n\r\n")).toBe(true);
  expect(statusOf(await ask("/digits.txt", 'If-Match: "other"\r\n'))).toBe(412);
  const part = await ask("/digits.txt", "Range: bytes=2-4\r\n");
  expect(part).toMatch(/^HTTP\/1\.1 206 .*Content-Range: bytes 2-4\/10\r\n/s);
  expect(part.endsWith("\r\n\r\n234")).toBe(true);
  expect(part).toContain("\r\nContent-Length: 3\r\n");
  const beyond = await ask("/digits.txt", "Range: bytes=50-\r\n");
  expect(beyond).toMatch(/^HTTP\/1\.1 416 .*Content-Range: bytes \*\/10\r\n/s);
  const tail = await ask("/large.bin", "Range: bytes=-16\r\n");
  expect(tail.endsWith("\r\n\r\n0123456789abcdef")).toBe(true);
});

test("other methods are told what is allowed", async () => {
  const answer = await ask("/digits.txt", "Content-Length: 3\r\n", "POST");
  expect(answer).toMatch(/^HTTP\/1\.1 405 .*\r\nAllow: GET, HEAD\r\n/s);
});

test("a page that is missing is told in the visitor's format", async () => {
  expect(await ask("/nothing", "Accept: text/html\r\n")).toMatch(
    /^HTTP\/1\.1 404 .*Content-Type: text\/html; charset=utf-8\r\n.*<h1>404 Not Found<\/h1>/s,
  );
  expect(await ask("/nothing")).toMatch(/\r\n\r\n404 Not Found\nThere is nothing at this address/);
});

test("a client of HTTP/1.0 gets a file and the end of the connection", async () => {
  const answer = await exchangeRaw(edge.target, ["GET /large.bin HTTP/1.0\r\n\r\n"]);
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer.endsWith(large.toString("latin1"))).toBe(true);
});

test("a slow client gets every byte of a large file, one that leaves leaves nothing open", async () => {
  // More than the edge keeps in memory of a file, and than it and the kernel hold for a client that does not read.
  const path = join(root, "slow.bin");
  const huge = Buffer.alloc(20_000_000, "0123456789abcdef");
  writeFileSync(path, huge);
  const slow = connect(edge.target);
  slow.pause();
  slow.write(request("/slow.bin"));
  const leaving = connect(edge.target);
  leaving.pause();
  leaving.write(request("/slow.bin"));
  await eventually("both to be open", () => openPaths().filter((it) => it === path).length === 2);
  leaving.destroy();
  await eventually("one to be closed", () => openPaths().filter((it) => it === path).length === 1);

  const pieces: Buffer[] = [];
  for await (const piece of slow) pieces.push(piece as Buffer);
  const received = Buffer.concat(pieces);
  expect(received.subarray(received.indexOf("\r\n\r\n") + 4).equals(huge)).toBe(true);
  await eventually("all to be closed", () => !openPaths().includes(path));
});

test("a changed and a deleted file are seen within about a second", async () => {
  const path = join(root, "changing.txt");
  writeFileSync(path, "one");
  expect(await ask("/changing.txt")).toContain("\r\n\r\none");
  writeFileSync(path, "two");
  const changedAt = performance.now();
  await eventually("the change", async () => (await ask("/changing.txt")).endsWith("two"));
  expect(performance.now() - changedAt).toBeLessThan(10_000);
  rmSync(path);
  await eventually("the removal", async () => statusOf(await ask("/changing.txt")) === 404);
});

function openPaths(): string[] {
  const fds = `/proc/${edge.child.pid}/fd`;
  return readdirSync(fds).flatMap((fd) => {
    try {
      return [readlinkSync(join(fds, fd))];
    } catch {
      return []; // closed meanwhile
    }
  });
}
