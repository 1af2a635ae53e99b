/** HTTP/2 over a real edge process: what clients may ask, what they may not, and what both cost. */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { join } from "node:path";
import { eventually, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, limits, route, timeoutsMs } from "./edge-process.ts";
import {
  connectH2,
  encodeFields,
  type Frame,
  flag,
  frameType,
  type RawH2,
} from "./fixtures/raw-h2.ts";
import { type Backend, startBackend, startSecureEdge, tell } from "./fixtures/secure.ts";

const folder = tempFolder();
const logFile = join(folder.path, "access.log");
const asked: string[] = [];
const aborted: string[] = [];
const held: (() => void)[] = [];
let backend: Backend;
let edge: EdgeProcess;

const plan = {
  limits: { ...limits, headerBytes: 4_096, bodyBytes: 8 * 1024 * 1024 },
  timeoutsMs: { ...timeoutsMs, body: 2_500 },
  accessLog: { file: logFile, format: "{protocol} {method} {path} {status} {bytes}" },
};

beforeAll(async () => {
  backend = await startBackend((request, response) => {
    asked.push(request.url ?? "");
    request.on("close", () => {
      if (!response.writableFinished) aborted.push(request.url ?? "");
    });
    if (request.url === "/never" || request.url === "/reset") request.resume();
    else if (request.url === "/hold") held.push(() => response.end("held"));
    else if (request.url === "/large") response.end(large);
    else if (request.url === "/none") response.writeHead(204).end();
    else if (request.url === "/cookies") {
      response.writeHead(200, { "set-cookie": ["a=1", "b=2"], connection: "close" }).end();
    } else if (request.url === "/hints") {
      response.writeEarlyHints({ link: "</a.css>; rel=preload" }, () => response.end("after"));
    } else if (request.url === "/cut") {
      response.writeHead(200, { "content-length": "100" });
      response.write("some", () => response.destroy());
    } else if (request.url === "/cut-chunked") {
      response.write("some", () => response.destroy());
    } else tell(request, response);
  });
  const routes = [
    route("/*", { kind: "upstream", upstream: "told" }),
    route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
  ];
  const upstreams = { told: { servers: [backend.address] } };
  edge = await startSecureEdge({ plan: { ...plan, routes, upstreams } }, { hsts: "max-age=60" });
}, 60_000);

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
}, 60_000);

const large = randomBytes(6 * 1024 * 1024);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function open(): ClientHttp2Session & Disposable {
  const session = connect(`https://localhost:${edge.port}`, { rejectUnauthorized: false });
  session.on("error", () => {});
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

async function finish(stream: ClientHttp2Stream): Promise<Answer> {
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  const [headers] = (await once(stream, "response")) as [Answer["headers"]];
  if (!stream.readableEnded) await once(stream, "end");
  return { status: Number(headers[":status"]), headers, body: Buffer.concat(pieces) };
}

function get(session: ClientHttp2Session, path: string, fields = {}): Promise<Answer> {
  return finish(session.request({ ":path": path, ...fields }));
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test("a GET reaches the upstream as one HTTP/1.1 request, and its answer comes back", async () => {
  using session = open();
  const answer = await get(session, "/a/../b?c=d", {
    cookie: ["a=1", "b=2"],
    "x-custom": "kept",
    "x-forwarded-for": "6.6.6.6",
    te: "trailers",
  });
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    "content-type": "application/json",
    "strict-transport-security": "max-age=60",
  });
  const told = JSON.parse(answer.body.toString()) as {
    url: string;
    headers: Record<string, string>;
  };
  expect(told.url).toBe("/b?c=d");
  expect(told.headers).toMatchObject({
    host: `localhost:${edge.port}`,
    cookie: "a=1; b=2",
    "x-custom": "kept",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "https",
  });
  expect(told.headers).not.toHaveProperty("te");
});

test("HEAD, 204 and a fixed answer have the fields and the body they should", async () => {
  using session = open();
  const head = await get(session, "/fixed", { ":method": "HEAD" });
  expect(head).toMatchObject({ status: 200, headers: { "content-length": "6" } });
  expect(head.body).toHaveLength(0);
  expect(await get(session, "/none")).toMatchObject({ status: 204, body: Buffer.alloc(0) });
  const fixed = await get(session, "/fixed");
  expect(fixed.body.toString()).toBe("fixed\n");
  expect(fixed.headers).toMatchObject({ date: expect.stringMatching(/GMT$/) });
});

test("several fields of one name stay several, those of a connection go", async () => {
  using session = open();
  const { headers } = await get(session, "/cookies");
  expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(headers).not.toHaveProperty("connection");
});

test("early hints come before the answer", async () => {
  using session = open();
  const stream = session.request({ ":path": "/hints" });
  const hints = once(stream, "headers");
  const answer = await finish(stream);
  expect(((await hints) as [Answer["headers"]])[0]).toMatchObject({ ":status": 103 });
  expect(answer.body.toString()).toBe("after");
});

test.for([true, false])(
  "a body of 6 MB is echoed whole (its length announced: %s)",
  async (says) => {
    using session = open();
    const length = says ? { "content-length": large.length } : {};
    const stream = session.request({ ":path": "/echo", ":method": "POST", ...length });
    stream.end(large);
    const { status, body } = await finish(stream);
    expect(status).toBe(200);
    expect(digest(body)).toBe(digest(large));
  },
);

test("100 streams at once are all answered, one that reads slowly stops no other", async () => {
  using session = open();
  const slow = session.request({ ":path": "/large" });
  await once(slow, "response");
  slow.pause();
  const answers = await Promise.all(
    Array.from({ length: 99 }, (_, index) => get(session, `/fixed?${index}`)),
  );
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  const pieces: Buffer[] = [];
  slow.on("data", (piece: Buffer) => pieces.push(piece)).resume();
  await once(slow, "end");
  expect(digest(Buffer.concat(pieces))).toBe(digest(large));
});

test("Expect: 100-continue is answered before the body comes", async () => {
  using session = open();
  const stream = session.request({ ":path": "/echo", ":method": "POST", expect: "100-continue" });
  await once(stream, "continue");
  stream.end("now");
  expect((await finish(stream)).body.toString()).toBe("now");
});

test("trailers of a request are dropped", async () => {
  using session = open();
  const stream = session.request(
    { ":path": "/trailed", ":method": "POST" },
    { waitForTrailers: true },
  );
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-late": "1" }));
  stream.end("body");
  const { status, body } = await finish(stream);
  expect(status).toBe(200);
  expect(body.toString()).not.toContain("x-late");
});

test("a body beyond the limit is 413, and the connection goes on", async () => {
  using session = open();
  const announced = session.request({
    ":path": "/echo",
    ":method": "POST",
    "content-length": 9 * 1024 * 1024,
  });
  announced.on("error", () => {});
  expect((await finish(announced)).status).toBe(413);
  const streamed = session.request({ ":path": "/trailed", ":method": "POST" });
  streamed.on("error", () => {});
  streamed.end(Buffer.alloc(9 * 1024 * 1024));
  expect((await finish(streamed)).status).toBe(413);
  expect((await get(session, "/fixed")).status).toBe(200);
});

test("a body that stops coming is 408, and the connection goes on", async () => {
  using session = open();
  const stream = session.request({ ":path": "/slow", ":method": "POST" });
  stream.on("error", () => {});
  stream.write("some");
  expect((await finish(stream)).status).toBe(408);
  expect((await get(session, "/fixed")).status).toBe(200);
});

test("a body that is announced as nothing is awaited, and nothing it must be", async () => {
  using client = await connectH2(edge.port);
  const fields = (path: string) =>
    [
      ...([
        [":method", "POST"],
        [":scheme", "https"],
        [":authority", "localhost"],
      ] as const),
      ...([
        [":path", path],
        ["content-length", "0"],
      ] as const),
    ] as const;
  client.request(1, fields("/nothing"), false);
  client.request(3, fields("/nothing-more"), true);
  await client.frame(({ type, stream }) => type === frameType.data && stream === 3);
  client.send(frameType.data, flag.endStream, 1, Buffer.from("GET /smuggled HTTP/1.1\r\n\r\n"));
  await client.frame(({ type, stream }) => type === frameType.rstStream && stream === 1);
  client.request(5, fields("/nothing-at-last"), false);
  client.send(frameType.data, flag.endStream, 5);
  await client.frame(({ type, stream }) => type === frameType.data && stream === 5);
  const seen = asked.filter((path) => /nothing|smuggled/.test(path));
  expect(seen).toEqual(["/nothing-more", "/nothing-at-last"]);
});

test("headers beyond the limit are 431", async () => {
  using session = open();
  expect((await get(session, "/fixed", { "x-long": "x".repeat(5_000) })).status).toBe(431);
});

test("an answer that is cut off ends in a reset, never as complete", async () => {
  using session = open();
  const stream = session.request({ ":path": "/cut" });
  const [error] = (await once(stream, "close").then(
    () => [undefined],
    (cause: Error) => [cause],
  )) as [Error | undefined];
  expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
  expect(error).toBeDefined();
});

test("nor does END_STREAM come before the reset where no length was announced", async () => {
  using client = await connectH2(edge.port);
  client.request(1, but(":path", "/cut-chunked"));
  const end = await client.frame(({ type }) => type === frameType.rstStream);
  expect(end.payload.readUInt32BE(0)).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  const data = client.frames.filter(({ type }) => type === frameType.data);
  expect(data.map(({ flags }) => flags & flag.endStream)).not.toContain(flag.endStream);
});

test("the upstream sees that a client has lost interest", async () => {
  using session = open();
  const stream = session.request({ ":path": "/never" });
  stream.on("error", () => {});
  await eventually("the upstream to be asked", () => asked.includes("/never"));
  stream.close(constants.NGHTTP2_CANCEL);
  await eventually("the upstream's connection to be closed", () => aborted.includes("/never"));
});

test("the access log names the protocol", async () => {
  using session = open();
  await get(session, "/fixed?logged");
  await eventually("the line", () =>
    readFileSync(logFile, "utf8").includes("HTTP/2.0 GET /fixed 200 6"),
  );
});

const good = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "localhost"],
  [":path", "/fixed"],
] as const;
type Fields = readonly (readonly [string, string])[];

/** As `good`, with one field replaced; undefined leaves it out. */
function but(name: string, value: string | undefined): Fields {
  return good.flatMap(([known, usual]): Fields => {
    if (known !== name) return [[known, usual]];
    return value === undefined ? [] : [[known, value]];
  });
}

test.for<[what: string, fields: Fields]>([
  ["an upper-case name", [...good, ["X-Upper", "1"]]],
  ["Connection", [...good, ["connection", "close"]]],
  ["Transfer-Encoding", [...good, ["transfer-encoding", "chunked"]]],
  ["Upgrade", [...good, ["upgrade", "websocket"]]],
  ["TE other than trailers", [...good, ["te", "gzip"]]],
  ["a Content-Length without a body", [...good, ["content-length", "5"]]],
  ["two Content-Lengths", [...good, ["content-length", "0"], ["content-length", "0"]]],
  ["a pseudo-header after a field", [...good.slice(0, 3), ["x", "1"], [":path", "/fixed"]]],
  ["a pseudo-header twice", [...good, [":path", "/other"]]],
  ["an unknown pseudo-header", [...good, [":other", "1"]]],
  ["a response's pseudo-header", [...good, [":status", "200"]]],
  ["no method", but(":method", undefined)],
  ["no scheme", but(":scheme", undefined)],
  ["no authority at all", but(":authority", undefined)],
  ["an invalid authority", but(":authority", "a b")],
  ["no path", but(":path", undefined)],
  ["an empty path", but(":path", "")],
  ["a path without its slash", but(":path", "fixed")],
  ["a space in the path", but(":path", "/fixed HTTP/1.1")],
  ["a line end in a value", [...good, ["x-bad", "a\r\nx-more: b"]]],
])("%s is malformed: the stream is reset, no request is made of it", async ([, fields]) => {
  using client = await connectH2(edge.port);
  client.request(1, fields);
  const reset = await client.frame(
    ({ type, stream }) =>
      (type === frameType.rstStream && stream === 1) || type === frameType.goaway,
  );
  const code = reset.payload.readUInt32BE(reset.type === frameType.goaway ? 4 : 0);
  expect(code).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
  expect(client.frames.some(({ type }) => type === frameType.headers)).toBe(false);
});

test.for<[what: string, fields: Fields, status: number]>([
  [":authority and Host that differ", [...good, ["host", "evil.test"]], 400],
  ["another scheme", but(":scheme", "ftp"), 400],
  ["a path above the root", but(":path", "/../../etc/passwd"), 400],
  ["a fragment", but(":path", "/fixed#a"), 400],
  ["TRACE", but(":method", "TRACE"), 405],
])("%s is answered with %i", async ([, fields, status]) => {
  using client = await connectH2(edge.port);
  client.request(1, fields);
  await client.frame(
    ({ type, stream, flags }) => stream === 1 && type === frameType.headers && flags > 0,
  );
  expect(await statusOf(fields)).toBe(status);
});

/** The same by a client that reads HPACK. */
async function statusOf(fields: Fields): Promise<number> {
  using session = open();
  const list = fields.flat();
  const stream = session.request(list as never);
  stream.on("error", () => {});
  return (await finish(stream)).status;
}

/** One frame after the other, each acknowledged, until the connection is told to calm down. */
async function frameUntilCalmed(client: RawH2, type: number, payload: Buffer): Promise<number> {
  const isGoaway = (one: Frame): boolean => one.type === frameType.goaway;
  for (let count = 1; count <= 1_000; count += 1) {
    client.send(type, 0, 0, payload);
    // Our first SETTINGS, of `connectH2`, are acknowledged as well.
    const expected = type === frameType.settings ? count + 1 : count;
    await client.frame(() => {
      const acks = client.frames.filter((one) => one.type === type && one.flags === flag.ack);
      return acks.length >= expected || client.frames.some(isGoaway);
    });
    const goaway = client.frames.find(isGoaway);
    if (goaway === undefined) continue;
    expect(goaway.payload.readUInt32BE(4)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    await client.closed;
    return count;
  }
  return Number.POSITIVE_INFINITY;
}

test("rapid resets end the connection, and most of its requests are never made", async () => {
  using client = await connectH2(edge.port);
  for (let stream = 1; stream < 4_000; stream += 2) {
    client.request(stream, but(":path", "/reset"));
    client.send(frameType.rstStream, 0, stream, Buffer.from([0, 0, 0, 8]));
  }
  await client.closed;
  expect(aborted.filter((path) => path === "/reset").length).toBeLessThan(1_000);
});

test("as many resets as answers are no flood: a proxy speaks for many who cancel", async () => {
  using client = await connectH2(edge.port);
  for (let stream = 1; stream <= 1_601; stream += 4) {
    client.request(stream, good);
    await client.frame((one) => one.stream === stream && one.type === frameType.data);
    client.request(stream + 2, but(":path", "/reset"));
    client.send(frameType.rstStream, 0, stream + 2, Buffer.from([0, 0, 0, 8]));
  }
  client.request(1_605, good);
  await client.frame((one) => one.stream === 1_605 && one.type === frameType.data);
  expect(client.frames.some(({ type }) => type === frameType.goaway)).toBe(false);
});

test("who sends ever more PINGs is told to calm down", async () => {
  using client = await connectH2(edge.port);
  expect(await frameUntilCalmed(client, frameType.ping, Buffer.alloc(8))).toBeLessThan(300);
});

test("who sends ever more SETTINGS is told to calm down", async () => {
  using client = await connectH2(edge.port);
  expect(await frameUntilCalmed(client, frameType.settings, Buffer.alloc(0))).toBeLessThan(100);
});

test("a flood of both at once ends the connection", async () => {
  using client = await connectH2(edge.port);
  for (let count = 0; count < 2_000; count += 1) {
    client.send(frameType.ping, 0, 0, Buffer.alloc(8));
    client.send(frameType.settings, 0, 0);
  }
  await client.closed;
  expect(client.frames.filter(({ flags }) => flags === flag.ack).length).toBeLessThan(2_000);
});

const idleBound = 10_000;

test.for<[what: string, type: number, stream: number, payload: Buffer]>([
  ["empty DATA", frameType.data, 1, Buffer.alloc(0)],
  ["DATA of 1 byte", frameType.data, 1, Buffer.from("x")],
  ["PRIORITY", 2, 9, Buffer.from([0, 0, 0, 1, 5])],
  ["WINDOW_UPDATE", frameType.windowUpdate, 0, Buffer.from([0, 0, 0, 1])],
  ["answers to no PING", frameType.ping, 0, Buffer.alloc(8)],
])("%s is let pass 10,000 times, and is a flood then", async ([what, type, stream, payload]) => {
  using client = await connectH2(edge.port);
  client.request(1, [[":method", "POST"], ...good.slice(1, 3), [":path", "/reset"]], false);
  const flags = what === "answers to no PING" ? flag.ack : 0;
  for (let count = 1; count < idleBound; count += 1) client.send(type, flags, stream, payload);
  client.send(frameType.ping, 0, 0, Buffer.from("still on"));
  await client.frame((one) => one.type === frameType.ping && one.flags === flag.ack);
  expect(client.frames.some((one) => one.type === frameType.goaway)).toBe(false);
  for (let count = 0; count < 3; count += 1) client.send(type, flags, stream, payload);
  const goaway = await client.frame((one) => one.type === frameType.goaway);
  expect(goaway.payload.readUInt32BE(4)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  await client.closed;
});

test("a head that goes on in ever more CONTINUATION frames ends the connection", async () => {
  using client = await connectH2(edge.port);
  client.send(frameType.headers, flag.endStream, 1, encodeFields(good));
  for (let count = 0; count < 200; count += 1) {
    client.send(frameType.continuation, 0, 1, encodeFields([[`x-${count}`, "y".repeat(1_000)]]));
  }
  await client.closed;
  expect(client.frames.some(({ type }) => type === frameType.headers)).toBe(false);
});

test("a list of fields far beyond the limit costs its stream or connection", async () => {
  using client = await connectH2(edge.port);
  const many = Array.from({ length: 400 }, (_, index) => [`x-${index}`, "y"] as const);
  client.request(1, [...good, ...many]);
  const end = await client.frame(
    ({ type }) =>
      type === frameType.rstStream || type === frameType.goaway || type === frameType.headers,
  );
  expect(end.type).not.toBe(frameType.data);
  using session = open();
  expect((await get(session, "/fixed")).status).toBe(200);
});

test("malformed requests without end are not answered without end", async () => {
  using client = await connectH2(edge.port);
  for (let stream = 1; stream < 1_000; stream += 2) {
    client.request(stream, [...good, ["connection", "close"]]);
  }
  await client.closed;
  const resets = client.frames.filter(({ type }) => type === frameType.rstStream).length;
  expect(resets).toBeLessThan(499);
});

test("h2load: every request is answered", async () => {
  const child = spawn("h2load", [
    ...["-n", "3000", "-c", "10", "-m", "50"],
    `https://127.0.0.1:${edge.port}/fixed`,
  ]);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  expect(output).toContain("3000 succeeded, 0 failed, 0 errored, 0 timeout");
});

test("curl speaks HTTP/2 with it, and HTTP/1.1 when asked to", async () => {
  const versions = await Promise.all(["--http2", "--http1.1"].map(curlVersion));
  expect(versions).toEqual(["2 200", "1.1 200"]);
});

async function curlVersion(option: string): Promise<string> {
  const child = spawn("curl", [
    ...["-sS", option, "--insecure", "-o", "/dev/null"],
    ...["-w", "%{http_version} %{http_code}"],
    `https://localhost:${edge.port}/fixed`,
  ]);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await once(child, "close");
  return output;
}

test("a drain says GOAWAY, answers what is under way, and ends", async () => {
  await using own = await startSecureEdge({
    plan: {
      ...plan,
      routes: [route("/*", { kind: "upstream", upstream: "told" })],
      upstreams: { told: { servers: [backend.address] } },
    },
  });
  const session = connect(`https://localhost:${own.port}`, { rejectUnauthorized: false });
  const answer = get(session, "/hold");
  await eventually("the request to be under way", () => held.length > 0);
  const goaway = once(session, "goaway");
  const exited = once(own.child, "exit");
  own.send({ type: "drain", deadlineMs: 20_000 });
  await goaway;
  for (const release of held) release();
  expect((await answer).body.toString()).toBe("held");
  expect((await exited)[0]).toBe(0);
  session.destroy();
});
