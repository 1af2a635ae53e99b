/**
 * What a request is answered with does not depend on the HTTP it was asked in: everything an edge answers with,
 * over HTTP/1.1 and over HTTP/2, has one status, the same fields and the same body.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { Agent, request } from "node:https";
import { join } from "node:path";
import zlib from "node:zlib";
import type { EdgePlan, RoutePlan } from "@stack/config";
import { tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { plainSettings } from "../src/core/static/static-rules.ts";
import { type EdgeProcess, limits, route, unprotected } from "./edge-process.ts";
import { followHeaders } from "./fixtures/cached.ts";
import { type Backend, startBackend, startSecureEdge, tell } from "./fixtures/secure.ts";

const folder = tempFolder();
const root = join(folder.path, "public");
const noise = randomBytes(700_000);
const page = "<p>hello hello hello hello</p>\n".repeat(400);
let backend: Backend;
let edge: EdgeProcess;
let session: ClientHttp2Session;
const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });

function answer(asked: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(asked.url ?? "/", "http://any");
  if (pathname === "/echo") tell(asked, response);
  else if (pathname === "/told") {
    // Via is what differs, and the order.
    const { method, url, headers } = asked;
    const { via, ...others } = headers;
    response.end(JSON.stringify([method, url, Object.entries(others).toSorted()]));
  } else {
    asked.resume();
    asked.on("end", () => answers[pathname.slice(1)]?.(response));
  }
}

const answers: Record<string, (response: ServerResponse) => void> = {
  page: (response) => response.writeHead(200, { "content-type": "text/html" }).end(page),
  long: (response) => response.writeHead(200, { "content-length": noise.length }).end(noise),
  chunked: (response) => {
    response.write(noise.subarray(0, 300_000));
    response.end(noise.subarray(300_000));
  },
  empty: (response) => response.writeHead(200, { "content-length": 0 }).end(),
  none: (response) => response.writeHead(204).end(),
  same: (response) => response.writeHead(304, { etag: '"a"' }).end(),
  many: (response) =>
    response
      .writeHead(200, [
        ...["Set-Cookie", "a=1; Path=/", "Set-Cookie", "b=2", "X-Empty", "", "X-Spaced", " a  b "],
        ...["Vary", "Accept", "Vary", "Cookie", "Connection", "X-Hop", "X-Hop", "gone"],
        ...["Keep-Alive", "timeout=5", "X-Obs", "\u00e4\u00f6", "Content-Length", "2"],
      ])
      .end("ok"),
  error: (response) => response.writeHead(500).end("of the app"),
  odd: (response) => response.writeHead(299, "Odd").end("odd"),
  file: (response) => response.writeHead(200, { "x-accel-redirect": "/inside/a.txt" }).end(),
  kept: (response) => {
    const headers = { "cache-control": "max-age=60", etag: '"k"', "content-type": "text/plain" };
    response.writeHead(200, headers).end("kept ".repeat(500));
  },
  bad: (response) => void response.socket?.end("HTTP/9 nonsense\r\n\r\n"),
  gone: (response) => void response.socket?.destroy(),
};

const toUpstream = { kind: "upstream", upstream: "any" } as const;

function routes(): RoutePlan[] {
  const files = (settings: object) =>
    ({ kind: "static", root, settings: { ...plainSettings, ...settings } }) as const;
  const auth = { kind: "basic", file: join(folder.path, "htpasswd"), realm: "a realm" } as const;
  return [
    route("/*", toUpstream),
    route("/files/*", files({ precompressed: true, maxAgeMs: 60_000, headers: { "X-File": "1" } })),
    route("/list/*", files({ listing: true })),
    route("/spa/*", files({ fallback: "/index.html" })),
    { ...route("/inside/*", files({})), internal: true },
    route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
    route("/teapot", { kind: "respond", status: 418, body: "", type: "" }),
    route("/away/*", { kind: "redirect", to: "https://{host}{path}?{query}", status: 308 }),
    { ...route("/kept", toUpstream), cache: followHeaders },
    { ...route("/error", toUpstream), replaceErrors: true },
    { ...route("/secret", toUpstream), protection: { ...unprotected, auth } },
    { ...route("/nobody", toUpstream), protection: { ...unprotected, deny: ["127.0.0.1"] } },
    { ...route("/slowly/*", files({})), protection: { ...unprotected, bytesPerSecond: 500_000 } },
    { ...route("/safe", { kind: "respond", status: 200, body: "safe", type: "text/html" }) },
    {
      ...route("/cors", toUpstream),
      cors: {
        ...{ origins: ["https://a.test"], methods: ["PUT"], headers: ["X-A"], expose: ["X-B"] },
        ...{ credentials: true, maxAgeS: 60 },
      },
    },
    {
      ...route("/edited", { kind: "respond", status: 200, body: "edited", type: "text/plain" }),
      responseHeaders: { set: [["X-Set", "1"]], add: [["Vary", "X"]], remove: ["Content-Type"] },
    },
    route("/dead", { kind: "upstream", upstream: "dead" }),
  ];
}

beforeAll(async () => {
  mkdirSync(join(root, "sub"), { recursive: true });
  writeFileSync(join(root, "index.html"), page);
  writeFileSync(join(root, "a.txt"), "0123456789".repeat(300));
  writeFileSync(join(root, "a.txt.gz"), zlib.gzipSync("0123456789".repeat(300)));
  writeFileSync(join(root, "empty"), "");
  writeFileSync(join(root, "large.bin"), noise);
  writeFileSync(join(root, "sub", "b \u00fc.css"), "b");
  writeFileSync(join(folder.path, "500.html"), "<h1>ours</h1>");
  writeFileSync(
    join(folder.path, "htpasswd"),
    "ann:$apr1$9Nhc9FCC$E/M6eTMvnLL1nzVDuR3ew/\n", // of another password: everybody is refused
  );
  backend = await startBackend(answer);
  const plan: Partial<EdgePlan> = {
    limits: { ...limits, bodyBytes: 100_000 },
    compression: { encodings: ["zstd", "br", "gzip"], minBytes: 256, types: ["text/*"] },
    cache: { memoryBytes: 8e6, store: { kind: "memory" }, purgeOnRelease: false },
    errorPages: { "500": join(folder.path, "500.html") },
    routes: routes(),
    upstreams: {
      any: { servers: [backend.address], eject: null },
      dead: { servers: ["127.0.0.1:1"], eject: null },
    },
    apps: {},
  };
  edge = await startSecureEdge({ threads: 1, plan }, { hsts: "max-age=9" });
  session = connect(`https://localhost:${edge.port}`, { rejectUnauthorized: false });
  session.on("error", () => {});
}, 60_000);

afterAll(async () => {
  session.destroy();
  agent.destroy();
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
}, 60_000);

interface Question {
  readonly method?: string;
  readonly path: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Got {
  readonly status: number | undefined;
  /** "name: value", sorted, without what belongs to the connection or to the clock. */
  readonly fields: readonly string[];
  readonly bytes: number;
  readonly digest: string;
}

const ofConnection = /^(?:connection|keep-alive|transfer-encoding|date|:status):/;

function got(
  status: number | undefined,
  raw: readonly (readonly [string, string])[],
  body: Buffer,
) {
  const fields = raw.map(([name, value]) => `${name.toLowerCase()}: ${value}`);
  return {
    status,
    fields: fields.filter((line) => !ofConnection.test(line)).toSorted(),
    bytes: body.length,
    digest: createHash("sha1").update(body).digest("hex"),
  };
}

async function askHttp1({ method = "GET", path, fields = {}, body }: Question): Promise<Got> {
  const headers = { ...fields, ...(body === undefined ? {} : { "content-length": body.length }) };
  const asked = request({ port: edge.port, host: "localhost", agent, method, path, headers });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const pieces = (await response.toArray()) as Buffer[];
  return got(response.statusCode, pairs(response.rawHeaders), Buffer.concat(pieces));
}

async function askHttp2({ method = "GET", path, fields = {}, body }: Question): Promise<Got> {
  const length = body === undefined ? {} : { "content-length": body.length };
  const asked = session.request({ ":method": method, ":path": path, ...fields, ...length });
  asked.end(body);
  const [headers, , raw] = (await once(asked, "response")) as [
    IncomingHttpHeaders,
    number,
    string[],
  ];
  const pieces = (await asked.toArray()) as Buffer[];
  return got(Number(headers[":status"]), pairs(raw), Buffer.concat(pieces));
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ""] as const] : []));
}

const coded = { "accept-encoding": "gzip" };
const preflight = { origin: "https://a.test", "access-control-request-method": "PUT" };

const questions: readonly (Question & { readonly status: number })[] = [
  { path: "/told?x=1", fields: { "x-a": "b", cookie: "a=1; b=2", te: "trailers" }, status: 200 },
  { path: "/page", status: 200 },
  { path: "/page", fields: coded, status: 200 },
  { path: "/page", fields: { "accept-encoding": "br;q=1, zstd;q=0" }, status: 200 },
  { method: "HEAD", path: "/page", status: 200 },
  { method: "HEAD", path: "/page", fields: coded, status: 200 },
  { path: "/long", status: 200 },
  { path: "/chunked", status: 200 },
  { method: "HEAD", path: "/chunked", status: 200 },
  { path: "/empty", status: 200 },
  { path: "/none", status: 204 },
  { path: "/same", status: 304 },
  { path: "/many", status: 200 },
  { path: "/odd", status: 299 },
  { path: "/error", status: 500 },
  { path: "/bad", status: 502 },
  { path: "/gone", status: 502 },
  { path: "/dead", status: 502 },
  { path: "/dead", fields: { accept: "text/html" }, status: 502 },
  { method: "POST", path: "/echo", body: noise.subarray(0, 90_000), status: 200 },
  { method: "POST", path: "/echo", body: Buffer.alloc(0), status: 200 },
  { method: "POST", path: "/echo", body: noise.subarray(0, 100_001), status: 413 },
  { method: "PUT", path: "/fixed", body: Buffer.from("unread"), status: 200 },
  { method: "OPTIONS", path: "/fixed", status: 200 },
  { method: "BREW", path: "/fixed", status: 200 },
  { path: "/fixed", status: 200 },
  { method: "HEAD", path: "/fixed", status: 200 },
  { path: "/teapot", status: 418 },
  { path: "/away/x%20y?z=1", status: 308 },
  { path: "/file", status: 200 },
  { path: "/file", fields: { range: "bytes=5-9" }, status: 206 },
  { path: "/inside/a.txt", status: 404 },
  { path: "/kept", status: 200 },
  { path: "/kept", fields: { "if-none-match": '"k"' }, status: 304 },
  { method: "HEAD", path: "/kept", status: 200 },
  { path: "/kept", fields: { range: "bytes=0-3" }, status: 206 },
  { path: "/secret", status: 401 },
  { path: "/secret", fields: { authorization: "Basic YW5uOmJhZA==" }, status: 401 },
  { path: "/nobody", status: 403 },
  { method: "OPTIONS", path: "/cors", fields: preflight, status: 204 },
  { path: "/edited", status: 200 },
  { path: "/files/", status: 200 },
  { path: "/files/", fields: coded, status: 200 },
  { path: "/files/a.txt", status: 200 },
  { path: "/files/a.txt", fields: coded, status: 200 },
  { method: "HEAD", path: "/files/a.txt", fields: coded, status: 200 },
  { method: "DELETE", path: "/files/a.txt", status: 405 },
  { path: "/files/a.txt", fields: { range: "bytes=1-3" }, status: 206 },
  { path: "/files/a.txt", fields: { range: "bytes=1-3,7-8" }, status: 206 },
  { path: "/files/a.txt", fields: { range: "bytes=-5" }, status: 206 },
  { path: "/files/a.txt", fields: { range: "bytes=5000-" }, status: 416 },
  { path: "/files/a.txt", fields: { "if-match": '"no"' }, status: 412 },
  { path: "/files/a.txt", fields: { "if-none-match": "*" }, status: 304 },
  { path: "/files/empty", status: 200 },
  { path: "/files/large.bin", status: 200 },
  { path: "/files/large.bin", fields: { range: "bytes=600000-699998" }, status: 206 },
  { path: "/files/sub", status: 301 },
  { path: "/files/sub/", status: 404 },
  { path: "/files/sub/b%20%C3%BC.css", status: 200 },
  { path: "/files/../../htpasswd", status: 400 },
  { path: "/files/%2e%2e/%2e%2e/htpasswd", status: 400 },
  { path: "/list/", status: 200 },
  { path: "/list/", fields: { accept: "application/json" }, status: 200 },
  { path: "/spa/any/where", status: 200 },
  { path: "/slowly/a.txt", status: 200 },
  { path: `/told?${"q".repeat(8_000)}`, status: 200 },
  { path: "/told%zz", status: 400 },
];

const all = questions.map((question) => ({ method: "GET", fields: {}, ...question }));

test.for(all)("$method $path $fields", async ({ status, ...question }) => {
  // Twice, or what is kept was not yet when the first asked.
  await askHttp1(question);
  const first = await askHttp1(question);
  const second = await askHttp2(question);
  expect(second).toEqual(first);
  expect(first.status).toBe(status);
});
