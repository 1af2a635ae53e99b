/** Clients that are slow, greedy or many: over raw sockets against a real edge. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect as connectSession } from "node:http2";
import { connect, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { eventually, exchangeRaw, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { app, limits, route, startEdge, timeoutsMs } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";
import { plainListener, startBackend, tlsListener, writePair } from "./fixtures/secure.ts";
import { startUpgradeApp, switchHead } from "./fixtures/websocket-app.ts";

/** Edges start slowly on a machine that does other things. */
const shop = "shop";
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
const fixed = get("/fixed");

function open(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  return socket;
}

/** Connects, asks and waits for the answer; the connection stays open. */
async function openKept(port: number): Promise<Socket> {
  const socket = open(port);
  socket.write(fixed);
  await once(socket, "data");
  return socket;
}

test("a body that drips is refused when its average is too low, a faster one is not", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: {
      limits: { ...limits, bodyRate: 1_000 },
      timeoutsMs: { ...timeoutsMs, body: 2_000 },
      apps: { shop: app },
    },
  });
  await using worker = await startWorker(edge.folder, async (request) => {
    await request.answer(`${(await request.body).length}`);
  });
  await edge.arbiter("shop", [worker.record]);
  const post = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4000\r\n\r\n";
  const slow = open(edge.port);
  const fast = open(edge.port);
  let slowText = "";
  let fastText = "";
  slow.setEncoding("latin1").on("data", (text: string) => {
    slowText += text;
  });
  fast.setEncoding("latin1").on("data", (text: string) => {
    fastText += text;
  });
  slow.write(post);
  fast.write(post);
  let sent = 0;
  const drip = setInterval(() => {
    slow.write("x"); // never silent for long: only its average gives it away
    if (sent < 4_000) fast.write("x".repeat(200));
    sent += 200;
  }, 50);
  await eventually("both answers", () => slowText !== "" && fastText !== "");
  clearInterval(drip);
  expect(slowText).toMatch(/^HTTP\/1\.1 408 /);
  expect(slowText).toMatch(/Connection: close\r\n/);
  expect(fastText).toMatch(/^HTTP\/1\.1 200 [\s\S]*4000$/);
  slow.destroy();
  fast.destroy();
});

test("a client that reads too little of its answer is cut off, and holds no worker meanwhile", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: {
      limits: { ...limits, readRate: 50 * 1024 * 1024, bufferBytes: 32 * 1024 * 1024 },
      timeoutsMs: { ...timeoutsMs, idle: 700 },
      apps: { shop: app },
    },
  });
  const big = Buffer.alloc(16 * 1024 * 1024, "x");
  await using worker = await startWorker(edge.folder, (request) => request.answer(big));
  await edge.arbiter("shop", [worker.record]);
  const slow = open(edge.port);
  let got = 0;
  slow.on("data", (piece) => {
    got += piece.length;
    slow.pause();
  });
  slow.write(get("/big"));
  // It reads a little all the time, so it is never silent.
  const sips = setInterval(() => slow.resume(), 50);
  await eventually("the worker to be free", () => edge.metrics()?.apps[shop]?.requests === 1);
  await eventually("the cut", () => edge.metrics()?.connections === 0);
  clearInterval(sips);
  slow.destroy();
  expect(got).toBeLessThan(big.length);
});

test.concurrent.each(["http", "https", "h2"] as const)(
  "a client that reads all the time may take longer than one may stall: %s",
  async (kind) => {
    const big = Buffer.alloc(40 * 1024 * 1024, "big");
    using folder = tempFolder();
    await using server = await startBackend((_request, response) => response.end(big));
    const pair = writePair(folder.path, "site", ["localhost"]);
    await using edge = await startEdge({
      threads: 1,
      plan: {
        limits: { ...limits, readRate: 100_000 },
        timeoutsMs: { ...timeoutsMs, idle: 2_000 }, // the kernel takes more than a megabyte at once
        listeners: [kind === "http" ? plainListener : tlsListener([pair])],
        routes: [route("/*", { kind: "upstream", upstream: "one" })],
        upstreams: { one: { servers: [server.address] } },
        apps: {},
      },
    });
    using client = openReader(kind, edge.port);
    const pieces: Buffer[] = [];
    let taken = 0;
    // At every look something is unsent, and as much of it as at the look before.
    const sips = setInterval(() => {
      const piece = client.stream.read(Math.min(100_000, client.stream.readableLength)) as Buffer;
      if (piece !== null) pieces.push(piece);
      taken += piece?.length ?? 0;
    }, 50);
    client.stream.on("readable", () => {});
    await eventually("a while of reading", () => taken > 10_000_000 || client.stream.destroyed);
    clearInterval(sips);
    client.stream.removeAllListeners("readable");
    client.stream.on("data", (piece: Buffer) => pieces.push(piece));
    await once(client.stream, "end");
    const body = Buffer.concat(pieces);
    expect(body.subarray(-big.length).equals(big)).toBe(true);
  },
);

test("who reads its last answer is not idle yet, nor is a tunnel whose client reads", async () => {
  const big = Buffer.alloc(24 * 1024 * 1024, "big");
  await using server = await startUpgradeApp((request, socket) => {
    socket.write(switchHead(request));
    socket.write(big);
  });
  server.answer = big;
  await using edge = await startEdge({
    threads: 1,
    plan: {
      limits: { ...limits, bufferBytes: 64 * 1024 * 1024 },
      timeoutsMs: { ...timeoutsMs, idle: 1_500, tunnel: 1_500 },
      routes: [{ ...route("/*", { kind: "upstream", upstream: "one" }), upgrade: ["websocket"] }],
      upstreams: { one: { servers: [server.address] } },
      apps: {},
    },
  });
  const upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  await Promise.all(
    ["", upgrade].map(async (fields) => {
      const socket = open(edge.port);
      socket.pause();
      let taken = 0;
      socket.write(`GET / HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`);
      const sips = setInterval(() => {
        taken += (socket.read(200_000) ?? socket.read())?.length ?? 0;
      }, 25);
      await eventually("all of it", () => taken >= big.length || socket.destroyed, 20_000);
      expect(taken).toBeGreaterThanOrEqual(big.length);
      clearInterval(sips);
      socket.destroy();
    }),
  );
});

interface Reader extends Disposable {
  readonly stream: Readable;
}

/** Asks for an answer and reads nothing of it yet. */
function openReader(kind: "http" | "https" | "h2", port: number): Reader {
  const secure = { rejectUnauthorized: false };
  if (kind === "h2") {
    const session = connectSession(`https://localhost:${port}`, secure);
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {}); // what is missing is seen
    return { stream, [Symbol.dispose]: () => session.destroy() };
  }
  const socket = kind === "http" ? open(port) : connectTls({ port, host: "127.0.0.1", ...secure });
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  return { stream: socket, [Symbol.dispose]: () => void socket.destroy() };
}

test("a client that still sends when it is refused reads its answer, then the end", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: { limits: { ...limits, bodyBytes: 10 } },
  });
  const socket = open(edge.port);
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  socket.write("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50000000\r\n\r\n");
  const more = Buffer.alloc(256 * 1024);
  const ended = once(socket, "end");
  const flood = setInterval(() => socket.write(more), 5);
  await ended; // not a reset
  clearInterval(flood);
  expect(text).toMatch(/^HTTP\/1\.1 413 /);
  socket.end();
  await once(socket, "close");
  await eventually("nothing left", () => edge.metrics()?.connections === 0);
});

test("connections of one address are bounded over all threads, exactly", async () => {
  await using edge = await startEdge({
    threads: 3,
    plan: { limits: { ...limits, connectionsPerAddress: 20 } },
  });
  const sockets = Array.from({ length: 60 }, () => open(edge.port));
  const answers = await Promise.all(
    sockets.map(
      async (socket) => {
        const [data] = (await once(socket, "data")) as [Buffer];
        return data.toString("latin1", 9, 12);
      },
      sockets.map((socket) => socket.write(fixed)),
    ),
  );
  // Two that come to the last place at once may both be turned away, never both let in.
  const served = answers.filter((status) => status === "200").length;
  expect(served).toBeLessThanOrEqual(20);
  expect(served).toBeGreaterThanOrEqual(18);
  expect(answers.filter((status) => status === "429")).toHaveLength(60 - served);
  for (const socket of sockets) socket.destroy();
  await eventually("places to be free", async () => {
    const kept = await openKept(edge.port);
    kept.destroy();
    return edge.metrics()?.connections === 0;
  });
  // Another address has places of its own, whatever this one does.
  const again = await Promise.all(Array.from({ length: 18 }, () => openKept(edge.port)));
  const other = connect({ port: edge.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  other.write(fixed);
  expect(String((await once(other, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
  for (const socket of [...again, other]) socket.destroy();
});

test("a trusted proxy is not bounded as one address", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: {
      limits: { ...limits, connectionsPerAddress: 1 },
      trustedProxies: ["127.0.0.1/32"],
    },
  });
  const sockets = await Promise.all([1, 2, 3].map(() => openKept(edge.port)));
  expect(sockets).toHaveLength(3);
  for (const socket of sockets) socket.destroy();
});

test("without descriptors new connections are shed, kept ones are served, and all is well after", async () => {
  await using edge = await startEdge({
    threads: 2,
    plan: {
      routes: [
        route("/fixed", {
          kind: "respond",
          status: 200,
          body: "fixed\n",
          type: "text/plain",
        }),
      ],
    },
  });
  const kept = await openKept(edge.port);
  const open1 = readdirSync(`/proc/${edge.child.pid}/fd`).length;
  const bound = open1 + 20;
  execFileSync("prlimit", [`--nofile=${bound}:${bound}`, "--pid", String(edge.child.pid)]);
  const sockets = Array.from({ length: 80 }, () => open(edge.port));
  const served = new Set<Socket>();
  const shed = new Set<Socket>();
  for (const socket of sockets) {
    socket.write(fixed);
    socket.once("data", () => served.add(socket));
    socket.once("close", () => shed.add(socket));
    socket.once("end", () => socket.destroy());
  }
  await eventually("all to be decided", () => new Set([...served, ...shed]).size === 80);
  expect(served.size).toBeGreaterThan(5);
  expect(served.size).toBeLessThan(25);
  kept.write(fixed);
  expect(String((await once(kept, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
  for (const socket of sockets) socket.destroy();
  // Until it has seen their ends, one more is shed as well: closed without a word.
  await eventually("a new connection to be served", async () =>
    (await exchangeRaw(edge.target, [fixed], (text) => text.endsWith("fixed\n"))).startsWith(
      "HTTP/1.1 200 ",
    ),
  );
  kept.destroy();
});
