/** WebSocket and other upgrades through a real edge: handshake, tunnel, both kinds of links, ends. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { WorkerRecord } from "@stack/control";
import { eventually, exchangeRaw, nextEvent, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { app, type EdgeProcess, route, startEdge, timeoutsMs } from "./edge-process.ts";
import { tlsListener, writePair } from "./fixtures/secure.ts";
import { startTunnelWorker } from "./fixtures/tunnel-worker.ts";
import {
  echo,
  echoFrames,
  exampleKey,
  startUpgradeApp,
  switchHead,
  type UpgradeApp,
  type UpgradeHandler,
} from "./fixtures/websocket-app.ts";

/** Edges start slowly on a machine that does other things. */
const folder = tempFolder();
const accessLog = join(folder.path, "access.log");
let edge: EdgeProcess;
const apps: UpgradeApp[] = [];

const websocket = ["websocket"];
/** By path: what the app does with an upgrade. */
const handlers: Readonly<Record<string, UpgradeHandler>> = {
  "/frames": echoFrames,
  "/echo": echo,
  "/wrong": (_request, socket) =>
    socket.end(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    ),
  "/unsaid": (request, socket) =>
    socket.write(switchHead(request).replace(/connection: upgrade\r\n/i, "")),
  "/closing": (request, socket) =>
    socket.write(switchHead(request).replace(/connection: upgrade/i, "Connection: close")),
  "/bodied": (request, socket) =>
    socket.write(switchHead(request).replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello")),
  "/chunks": (request, socket) =>
    socket.write(switchHead(request).replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n")),
  "/old": (request, socket) => socket.write(switchHead(request).replace("HTTP/1.1", "HTTP/1.0")),
  "/other": (request, socket) => socket.end(switchHead(request, "chat")),
  "/chat": (request, socket) => {
    socket.write(switchHead(request, "chat"));
    socket.pipe(socket);
  },
  "/refuse": (_request, socket) =>
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"),
  "/last": (request, socket) => {
    // Ends its own side first, and reads on.
    socket.end(`${switchHead(request)}last words`);
    socket.on("data", (data) => reads.push(data));
  },
  "/cut": (request, socket) => {
    socket.write(switchHead(request), () => socket.resetAndDestroy());
  },
};
const reads: Buffer[] = [];

beforeAll(async () => {
  const upstream = await startUpgradeApp((request, socket, head) => {
    socket.allowHalfOpen = true;
    handlers[request.url?.split("?")[0] ?? ""]?.(request, socket, head);
  });
  apps.push(upstream);
  edge = await startEdge({
    threads: 2,
    plan: {
      routes: [
        {
          ...route("/shop/*", { kind: "app", app: "shop" }),
          stripPrefix: true,
          upgrade: websocket,
        },
        { ...route("/framed/*", { kind: "app", app: "framed" }), upgrade: websocket },
        { ...route("/chat", { kind: "upstream", upstream: "one" }), upgrade: ["chat"] },
        route("/none/*", { kind: "upstream", upstream: "one" }),
        { ...route("/*", { kind: "upstream", upstream: "one" }), upgrade: websocket },
      ],
      upstreams: { one: { servers: [upstream.address] } },
      apps: { shop: app, framed: app },
      accessLog: { file: accessLog, format: "json" },
    },
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  for (const one of apps) await one[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function handshake(path: string, fields = "", key = exampleKey): string {
  return `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${fields}\r\n`;
}

interface Tunnel {
  readonly socket: Socket;
  /** What came after the head. */
  readonly received: () => Buffer;
  readonly hears: (text: string) => Promise<unknown>;
  /** The other side's end, or the connection's. */
  readonly ended: Promise<unknown>;
}

/** Connects and switches protocols. */
async function openTunnel(path: string, request = handshake(path)): Promise<Tunnel> {
  const socket = connect({ ...edge.target, allowHalfOpen: true });
  const pieces: Buffer[] = [];
  socket.on("error", () => {});
  socket.on("data", (piece) => pieces.push(piece));
  const ended = Promise.race([once(socket, "end"), once(socket, "close")]);
  socket.write(request);
  const all = (): Buffer => Buffer.concat(pieces);
  const head = await eventually("the head", () => {
    const end = all().indexOf("\r\n\r\n");
    return end > 0 && all().toString("latin1", 0, end + 4);
  });
  expect(head).toMatch(/^HTTP\/1\.1 101 /);
  const received = (): Buffer => all().subarray(head.length);
  return {
    socket,
    received,
    hears: (text) => eventually(`"${text}"`, () => received().toString() === text),
    ended,
  };
}

test("a browser's WebSocket works through an upstream, with the fields it needs", async () => {
  const client = new WebSocket(`ws://127.0.0.1:${edge.port}/frames`);
  await once(client, "open");
  const answer = once(client, "message");
  client.send("héllo");
  expect(((await answer)[0] as MessageEvent).data).toBe("héllo");
  const large = once(client, "message");
  client.binaryType = "arraybuffer";
  const payload = randomBytes(60_000);
  client.send(payload);
  const got = Buffer.from(((await large)[0] as MessageEvent).data as ArrayBuffer);
  expect(got.equals(payload)).toBe(true);
  const closed = once(client, "close");
  client.close(1000, "done");
  expect((await closed)[0]).toMatchObject({ code: 1000, wasClean: true });
  const request = apps[0]?.requests.findLast((one) => one.url === "/frames");
  expect(request?.headers).toMatchObject({
    connection: "upgrade",
    upgrade: "websocket",
    "x-forwarded-for": "127.0.0.1",
  });
});

test("bytes sent with the handshake reach the app, and a half-close passes each way", async () => {
  const tunnel = await openTunnel("/echo", `${handshake("/echo")}early `);
  tunnel.socket.end("later");
  await tunnel.ended;
  expect(tunnel.received().toString()).toBe("early later");
});

test("an app that ends first can still be written to", async () => {
  reads.length = 0;
  const { socket, ended, received } = await openTunnel("/last");
  await ended;
  expect(received().toString()).toBe("last words");
  socket.write("and mine");
  await eventually("the bytes to arrive", () => Buffer.concat(reads).toString() === "and mine");
  socket.destroy();
});

test("many megabytes pass both ways at once, unchanged", async () => {
  const bytes = randomBytes(6 * 1024 * 1024);
  const tunnel = await openTunnel("/echo");
  tunnel.socket.end(bytes);
  await tunnel.ended;
  expect(tunnel.received().equals(bytes)).toBe(true);
});

test.each([
  ["a key that is none", handshake("/echo", "", "short"), 400],
  ["a key of another length", handshake("/echo", "", "dGhlIHNhbXBsZSBub25jZT8/YQ=="), 400],
  ["no key", handshake("/echo").replace(/Sec-WebSocket-Key[^\n]*\n/, ""), 400],
  ["another version", handshake("/echo").replace("Version: 13", "Version: 8"), 426],
  ["POST", handshake("/echo").replace("GET", "POST"), 400],
])("a handshake with %s is refused", async (_what, request, status) => {
  const answer = await exchangeRaw(edge.target, [request], (text) => text.includes("\r\n\r\n"));
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  if (status === 426) expect(answer).toMatch(/Sec-WebSocket-Version: 13\r\n/);
});

test.each([
  ["a route without upgrades", handshake("/none/x")],
  ["h2c", handshake("/x").replace("Upgrade: websocket", "Upgrade: h2c")],
  ["a request with a body", `${handshake("/x", "Content-Length: 2\r\n").replace("GET", "POST")}ab`],
  ["HTTP/1.0", handshake("/x").replace("HTTP/1.1", "HTTP/1.0")],
  ["an upgrade Connection does not name", handshake("/x").replace("keep-alive, Upgrade", "x")],
])("%s is an ordinary request", async (_what, request) => {
  const answer = await exchangeRaw(edge.target, [request], (text) => text.includes("plain"));
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toMatch(/plain -/);
});

test("of several protocols the allowed one is asked for", async () => {
  const request = handshake("/chat").replace("Upgrade: websocket", "Upgrade: h2c, Chat");
  const { socket, hears } = await openTunnel("/chat", request);
  expect(apps[0]?.requests.at(-1)?.headers.upgrade).toBe("chat");
  socket.end("hi");
  await hears("hi");
});

test.each([
  ["with a wrong Sec-WebSocket-Accept", "/wrong"],
  ["to another protocol", "/other"],
  ["that Connection does not name", "/unsaid"],
  ["and closes", "/closing"],
  ["with a body", "/bodied"],
  ["with chunks", "/chunks"],
  ["in HTTP/1.0", "/old"],
])("an answer that switches %s is a 502", async (_what, path) => {
  const answer = await exchangeRaw(edge.target, [handshake(path)], (text) => text.length > 20);
  expect(answer).toMatch(/^HTTP\/1\.1 502 /);
});

test("an app that refuses is heard, and the connection serves on", async () => {
  const answer = await exchangeRaw(
    edge.target,
    [handshake("/refuse"), "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"],
    (text) => text.includes("plain"),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*\r\n\r\nnoHTTP\/1\.1 200 /);
});

test("a tunnel the app cuts is cut for the client", async () => {
  const { socket, ended } = await openTunnel("/cut");
  await ended;
  socket.destroy();
});

test("tunnels hold no slot of an HTTP worker, but the worker until they end", async () => {
  const path = join(folder.path, "shop.sock");
  const worker = await startUpgradeApp(echo, path);
  apps.push(worker);
  const record: WorkerRecord = {
    key: "shop-1.1@1.1",
    id: "shop-1.1",
    pid: process.pid,
    generation: 1,
    protocol: "http",
    address: worker.address,
    capacity: 1,
  };
  const arbiter = await edge.arbiter("shop", [record]);
  const first = await openTunnel("/shop/a");
  const second = await openTunnel("/shop/b");
  const plain = await exchangeRaw(
    edge.target,
    ["GET /shop/x HTTP/1.1\r\nHost: a.test\r\n\r\n"],
    (text) => text.includes("plain"),
  );
  expect(plain).toMatch(/^HTTP\/1\.1 200 /);
  const drained = nextEvent(arbiter.events, "message", (one) => one.type === "worker-drained");
  arbiter.send({ type: "worker-drain", key: record.key });
  // Both still carry bytes while it drains; the second end is the one that counts.
  let isDrained = false;
  void drained.then(() => {
    isDrained = true;
  });
  for (const tunnel of [first, second]) tunnel.socket.write("still here");
  await first.hears("still here");
  first.socket.destroy();
  second.socket.write(", and on");
  await second.hears("still here, and on");
  expect(isDrained).toBe(false);
  second.socket.destroy();
  expect((await drained)[0]).toMatchObject({ key: record.key });
});

test("over worker frames: bytes both ways, half-closes, and the connection serves on", async () => {
  await using worker = await startTunnelWorker(join(folder.path, "framed-1.sock"));
  await edge.arbiter("framed", [worker.record]);
  const arrived = once(worker.events, "bytes");
  const first = await openTunnel("/framed/a", `${handshake("/framed/a")}early`);
  expect(worker.envs.at(-1)?.get("HTTP_CONNECTION")).toBe("upgrade");
  expect(worker.envs.at(-1)?.get("HTTP_SEC_WEBSOCKET_KEY")).toBe(exampleKey);
  expect(String((await arrived)[0])).toBe("early");
  worker.write("from the app");
  await first.hears("from the app");
  const ended = once(worker.events, "end");
  first.socket.end();
  await ended;
  worker.write(", after your end");
  worker.end();
  worker.ready();
  await first.ended;
  expect(first.received().toString()).toBe("from the app, after your end");
  const second = await openTunnel("/framed/b");
  const secondEnd = once(worker.events, "end");
  worker.end();
  await second.ended;
  second.socket.end("mine");
  await secondEnd;
  worker.ready();
  const plain = await exchangeRaw(
    edge.target,
    ["GET /framed/x HTTP/1.1\r\nHost: a\r\n\r\n"],
    (text) => text.includes("\r\n\r\n"),
  );
  expect(plain).toMatch(/^HTTP\/1\.1 200 /);
});

test("a client that vanishes from a tunnel frees the worker's connection", async () => {
  await using worker = await startTunnelWorker(join(folder.path, "framed-2.sock"));
  await edge.arbiter("framed", [worker.record]);
  const tunnel = await openTunnel("/framed/gone");
  tunnel.socket.resetAndDestroy();
  const plain = await exchangeRaw(
    edge.target,
    ["GET /framed/x HTTP/1.1\r\nHost: a\r\n\r\n"],
    (text) => text.includes("\r\n\r\n"),
  );
  expect(plain).toMatch(/^HTTP\/1\.1 200 /);
});

test("a WebSocket over TLS carries bytes both ways, and both ends", async () => {
  const secure = await startEdge({
    threads: 1,
    hosts: ["127.0.0.1"],
    plan: {
      listeners: [tlsListener([writePair(folder.path, "site", ["a.test"])])],
      routes: [{ ...route("/*", { kind: "upstream", upstream: "one" }), upgrade: websocket }],
      upstreams: { one: { servers: [apps[0]?.address ?? ""] } },
      apps: {},
    },
  });
  await using _ = secure;
  const socket = connectTls({
    port: secure.ports[0] ?? 0,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
  });
  let received = "";
  socket.on("data", (data) => {
    received += data.toString("latin1");
  });
  socket.on("error", () => {});
  const bytes = "x".repeat(300_000);
  socket.write(handshake("/echo"));
  await eventually("the 101", () => /^HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/.test(received));
  socket.write(bytes);
  await eventually("the echo", () => received.endsWith(`\r\n\r\n${bytes}`));
  const closed = once(socket, "close");
  socket.end();
  await closed;
  await eventually("nothing left", () => secure.metrics()?.connections === 0);
});

test("a tunnel outlives a new plan, and no slot of memory is mixed up", async () => {
  const { socket, hears } = await openTunnel("/echo");
  await edge.configure({
    routes: [{ ...route("/*", { kind: "upstream", upstream: "one" }), upgrade: websocket }],
    upstreams: { one: { servers: [apps[0]?.address ?? ""] } },
    accessLog: { file: accessLog, format: "json" },
  });
  socket.write("still the same");
  await hears("still the same");
  socket.destroy();
  expect(edge.output()).not.toMatch(/failed:/);
});

test("an idle tunnel is closed after its time, one in use is not, each with its line", async () => {
  await edge.configure({
    routes: [{ ...route("/*", { kind: "upstream", upstream: "one" }), upgrade: websocket }],
    upstreams: { one: { servers: [apps[0]?.address ?? ""] } },
    accessLog: { file: accessLog, format: "json" },
    timeoutsMs: { ...timeoutsMs, tunnel: 2_000 },
  });
  const idle = await openTunnel("/echo", handshake("/echo?idle"));
  const busy = await openTunnel("/echo", handshake("/echo?busy"));
  const beat = setInterval(() => busy.socket.write("x"), 200);
  await idle.ended;
  idle.socket.destroy();
  const before = busy.received().length;
  await eventually("more of the other", () => busy.received().length > before);
  clearInterval(beat);
  busy.socket.destroy();
  const line = await eventually("its line", () =>
    readFileSync(accessLog, "utf8")
      .split("\n")
      .find((text) => text.includes("idle")),
  );
  expect(JSON.parse(line)).toMatchObject({ status: 101, path: "/echo" });
  expect((JSON.parse(line) as { durationMs: number }).durationMs).toBeGreaterThan(1_900);
});
