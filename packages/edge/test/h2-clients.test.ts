/** HTTP/2 as others speak it: HAProxy, nghttp2's tools and curl as clients of a real edge. */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { join } from "node:path";
import { eventually, type Peer, startPeer, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route } from "./edge-process.ts";
import { type Backend, startBackend, startSecureEdge, tell } from "./fixtures/secure.ts";

const folder = tempFolder();
const logFile = join(folder.path, "access.log");
const front = join(folder.path, "front.sock");
const uploadFile = join(folder.path, "upload");
const upload = randomBytes(3 * 1024 * 1024);
const large = randomBytes(4 * 1024 * 1024);
let backend: Backend;
let edge: EdgeProcess;
let haproxy: Peer;

beforeAll(async () => {
  writeFileSync(uploadFile, upload);
  backend = await startBackend((incoming, response) => {
    const path = incoming.url ?? "";
    if (path === "/large") response.end(large);
    else if (path === "/wide") {
      for (let index = 0; index < 60; index += 1) {
        response.setHeader(`x-wide-${index}`, String(index).repeat(250));
      }
      response.end("wide");
    } else if (path === "/digest") {
      const hash = createHash("sha256");
      incoming.on("data", (piece: Buffer) => hash.update(piece));
      incoming.on("end", () => response.end(hash.digest("hex")));
    } else tell(incoming, response);
  });
  edge = await startSecureEdge({
    plan: {
      accessLog: { file: logFile, format: "{protocol} {method} {path} {status}" },
      routes: [
        route("/*", { kind: "upstream", upstream: "told" }),
        route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
      ],
      upstreams: { told: { servers: [backend.address] } },
    },
  });
  const file = join(folder.path, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  tune.bufsize 65536
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen front
  bind unix@${front}
  http-reuse always
  server edge 127.0.0.1:${edge.port} ssl verify none alpn h2
`,
  );
  haproxy = await startPeer("/usr/sbin/haproxy", ["-db", "-f", file], [front]);
});

afterAll(async () => {
  await haproxy[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function url(path: string): string {
  return `https://localhost:${edge.port}${path}`;
}

/** What a tool says on its standard output; it must end well. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  expect(code, errors).toBe(0);
  return output;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Through HAProxy, which is asked over HTTP/1.1. */
async function ask(path: string, method = "GET", body?: Buffer, agent?: Agent): Promise<Answer> {
  const headers = { host: "localhost" };
  const maxHeaderSize = 64 * 1024;
  const asked = request({ socketPath: front, path, method, agent, headers, maxHeaderSize });
  asked.end(body);
  const [response] = await once(asked, "response");
  const pieces = (await response.toArray()) as Buffer[];
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) };
}

test("a request through HAProxy comes as HTTP/2", async () => {
  const { status, body } = await ask("/by-haproxy?a=b");
  expect(status).toBe(200);
  expect(JSON.parse(body.toString())).toMatchObject({
    url: "/by-haproxy?a=b",
    headers: { host: "localhost", "x-forwarded-proto": "https" },
  });
  await eventually("the line", () =>
    readFileSync(logFile, "utf8").includes("HTTP/2.0 GET /by-haproxy 200\n"),
  );
});

test("bodies go through HAProxy whole in both directions", async () => {
  const echo = await ask("/echo", "POST", upload);
  expect(digest(echo.body)).toBe(digest(upload));
  expect(digest((await ask("/large")).body)).toBe(digest(large));
  const head = await ask("/fixed", "HEAD");
  expect(head).toMatchObject({ status: 200, headers: { "content-length": "6" } });
  expect(head.body).toHaveLength(0);
  expect((await ask("/wide")).headers["x-wide-59"]).toBe("59".repeat(250));
});

test("many clients of HAProxy share its connections, and each gets its own answer", async () => {
  using agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 50 }), {
    [Symbol.dispose]: () => agent.destroy(),
  });
  const paths = Array.from({ length: 1_000 }, (_, index) =>
    index % 100 === 0 ? "/large" : `/shared/${index}`,
  );
  const answers = await Promise.all(paths.map((path) => ask(path, "GET", undefined, agent)));
  for (const [index, { status, body }] of answers.entries()) {
    expect(status).toBe(200);
    const path = paths[index] as string;
    if (path === "/large") expect(digest(body)).toBe(digest(large));
    else expect(JSON.parse(body.toString())).toMatchObject({ url: path });
  }
});

test("nghttp gets what it asks for, and finds nothing wrong", async () => {
  const output = await run("nghttp", ["-v", url("/fixed")]);
  expect(output).toContain("The negotiated protocol: h2");
  expect(output).toMatch(/recv \(stream_id=\d+\) :status: 200/);
  expect(output).toMatch(/recv \(stream_id=\d+\) content-length: 6/);
  expect(output).toContain("fixed\n");
  expect(output).not.toMatch(/recv (GOAWAY|RST_STREAM)|\[INVALID/);
});

test.for([
  ["a hundred requests at once", "/told", "-m100"],
  ["no table for its answers", "/told", "-m100", "--header-table-size=0"],
  ["a large table for its answers", "/told", "-m100", "--header-table-size=1000000"],
  ["no table for its requests", "/told", "-m100", "--encoder-header-table-size=0"],
  ["a large table for its requests", "/told", "-m100", "--encoder-header-table-size=1000000"],
  ["small windows", "/wide", "-m100", "--window-bits=1", "--connection-window-bits=1"],
  ["padded frames", "/told", "-m50", "--padding=200"],
  ["heads in CONTINUATION frames", "/fixed", "-m20", "--continuation"],
  ["neither priorities nor push", "/told", "-m50", "--no-rfc7540-pri", "--no-push"],
] as const)("nghttp with %s", async ([, path, times, ...options]) => {
  const output = await run("nghttp", ["-v", times, "-Hx-custom: kept", ...options, url(path)]);
  expect(output.match(/recv \(stream_id=\d+\) :status: 200/g)).toHaveLength(Number(times.slice(2)));
  expect(output.match(/recv DATA frame .*\n\s+; END_STREAM/g)).toHaveLength(Number(times.slice(2)));
  expect(output).not.toMatch(/recv (GOAWAY|RST_STREAM)|\[INVALID/);
  if (path === "/told") {
    expect(output.match(/"x-custom":"kept"/g)).toHaveLength(Number(times.slice(2)));
  }
});

test.for([
  ["its length", "-m10"],
  ["no length", "-m10", "--no-content-length"],
  ["Expect: 100-continue", "-m1", "--expect-continue"],
  ["a trailer", "-m10", "--trailer=x-late: 1"],
  ["padded frames", "-m10", "--padding=255"],
] as const)("an upload by nghttp with %s arrives whole", async ([, times, ...options]) => {
  const output = await run("nghttp", [`-d${uploadFile}`, times, ...options, url("/digest")]);
  expect(output).toBe(digest(upload).repeat(Number(times.slice(2))));
});

test.for([
  ["a hundred streams of each connection", "/told", "-m100"],
  ["no table", "/told", "-m100", "--header-table-size=0", "--encoder-header-table-size=0"],
  ["large tables", "/wide", "-m100", "--header-table-size=1m", "--encoder-header-table-size=1m"],
  ["uploads", "/echo", "-m20", `-d${join(folder.path, "small")}`],
  ["the least windows", "/wide", "-m100", "-w1", "-W1"],
  ["large windows", "/wide", "-m100", "-w30", "-W30"],
] as const)("h2load with %s: every request is answered", async ([, path, ...options]) => {
  writeFileSync(join(folder.path, "small"), upload.subarray(0, 40_000));
  const output = await run("h2load", ["-n2000", "-c8", ...options, url(path)]);
  expect(output).toContain("2000 succeeded, 0 failed, 0 errored, 0 timeout");
  expect(output).toContain("status codes: 2000 2xx");
});

test("large answers for h2load, read as fast as they come, are no flood of WINDOW_UPDATEs", async () => {
  const output = await run("h2load", ["-n30", "-c1", "-m20", "-w14", "-W14", url("/large")]);
  expect(output).toContain("30 succeeded, 0 failed, 0 errored, 0 timeout");
});

const curl = ["-sS", "--http2", "--insecure"];

test("curl sends many fields and a body, and gets all of it back", async () => {
  const fields = Array.from({ length: 80 }, (_, index) => [
    `x-field-${index}`,
    String(index).repeat(60),
  ]);
  const told = await run("curl", [
    ...curl,
    ...fields.flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    url("/told"),
  ]);
  expect(JSON.parse(told)).toMatchObject({ headers: Object.fromEntries(fields) });
  const file = join(folder.path, "echoed");
  const said = await run("curl", [
    ...[...curl, "-o", file, "-w", "%{http_version} %{http_code}"],
    ...["--data-binary", `@${uploadFile}`, url("/echo")],
  ]);
  expect(said).toBe("2 200");
  expect(digest(readFileSync(file))).toBe(digest(upload));
});

test("a head of more than a frame comes to curl whole", async () => {
  const head = await run("curl", [...curl, "-D", "-", "-o", "/dev/null", url("/wide")]);
  for (let index = 0; index < 60; index += 1) {
    expect(head).toContain(`x-wide-${index}: ${String(index).repeat(250)}\r\n`);
  }
});

test("transfers of curl in parallel share a connection and do not mix", async () => {
  const output = await run("curl", [
    ...[...curl, "--parallel", "--parallel-max", "100", "-w", "%{num_connects}\n"],
    ...["-o", join(folder.path, "got-#1"), url("/many/[1-200]")],
  ]);
  const connects = output.trim().split("\n").map(Number);
  expect(connects.reduce((sum, one) => sum + one)).toBeLessThan(20);
  for (let index = 1; index <= 200; index += 1) {
    const told = JSON.parse(readFileSync(join(folder.path, `got-${index}`), "utf8"));
    expect(told).toMatchObject({ url: `/many/${index}` });
  }
});

test("none of them met a fault of ours", () => {
  expect(edge.child.exitCode).toBeNull();
  expect(edge.output()).not.toMatch(
    /a connection failed|a step of the edge failed|thread \d ended|^ {4}at /m,
  );
});
