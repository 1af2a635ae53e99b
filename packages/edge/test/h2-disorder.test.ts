/**
 * HTTP/2 in disorder: random frames, right and wrong ones, from clients that stop, leave and lie; and what
 * windows promise when both sides mean it. Nobody gets another stream's bytes, nothing is left over.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { createHpackDecoder, createHpackEncoder } from "@stack/protocols";
import { eventually, nextEvent, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { app, type EdgeProcess, limits, route, timeoutsMs } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";
import { randomFrom } from "./fixtures/random-from.ts";
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
const fixedRoute = route("/fixed", {
  kind: "respond",
  status: 200,
  body: "fixed\n",
  type: "text/plain",
});
const priority = 2;
const pushPromise = 5;
const padded = 8;
/** Answers of the upstream that have not ended. */
const underWay = new Set<ServerResponse>();
let wholeAnswers = 0;
let backend: Backend;
let edge: EdgeProcess;

beforeAll(async () => {
  backend = await startBackend((request, response) => {
    const path = request.url ?? "";
    underWay.add(response);
    response.on("close", () => underWay.delete(response));
    if (path === "/never") request.resume();
    else if (path === "/echo") tell(request, response);
    else if (path === "/cut") {
      response.writeHead(200, { "content-length": "100" });
      response.write("some", () => response.destroy());
    } else if (path === "/endless") {
      const more = (): void => {
        while (underWay.has(response) && response.write(Buffer.alloc(100_000, "endless")));
      };
      response.on("drain", more);
      more();
    } else {
      request.resume();
      response.end(bodyOf(path));
    }
  });
  edge = await startSecureEdge({
    plan: {
      routes: [route("/*", { kind: "upstream", upstream: "any" }), fixedRoute],
      upstreams: { any: { servers: [backend.address], eject: null } },
    },
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const largeBytes = 2 * 1024 * 1024;
const megabyte = 1024 * 1024;

/** What the path is answered with: every body says whose it is, the large ones all along. */
function bodyOf(path: string): Buffer {
  if (path === "/fixed") return Buffer.from("fixed\n");
  if (path.startsWith("/large/")) return Buffer.alloc(largeBytes, `[${path}]`);
  if (path.startsWith("/mega/")) return Buffer.alloc(megabyte, `[${path}]`);
  return Buffer.from(`[${path}]`);
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
}

function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.of(0, id), uint32(value)]);
}

type Random = (below: number) => number;

interface Asked {
  readonly path: string;
  readonly isHead: boolean;
  /** Bytes of the body that were sent. */
  sent: number;
  hasEnded: boolean;
}

/** One connection's frames, and what they ask for. */
interface Script {
  readonly pieces: Buffer[];
  readonly asked: Map<number, Asked>;
  /** All that the client gave: to the connection's window, and to one of its streams at most. */
  connectionWindow: number;
  streamWindow: number;
  /** A length that is not the frame's: what follows may never be taken for a frame. */
  hasLied: boolean;
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)] as T;
}

/** @param wrong of a hundred frames, how many break a rule */
function writeScript(random: Random, wrong: number, frames: number): Script {
  const encoder = random(2) === 0 ? createHpackEncoder() : undefined;
  const script: Script = {
    pieces: [],
    asked: new Map(),
    connectionWindow: 65_535,
    streamWindow: 65_535,
    hasLied: false,
  };
  /** Of the requests. */
  let last = -1;

  const add = (
    type: number,
    flags: number,
    id: number,
    payload: Buffer,
    length = payload.length,
  ) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(id, 5);
    script.pieces.push(head, payload);
  };
  const letters = (id: number, count: number): Buffer => Buffer.alloc(count, 97 + ((id >> 1) % 26));
  const open = (): number[] =>
    [...script.asked].filter(([, { hasEnded }]) => !hasEnded).map(([id]) => id);
  const encode = (fields: readonly (readonly [string, string])[]): Buffer =>
    encoder === undefined
      ? encodeFields(fields)
      : Buffer.from(encoder.encode(fields.flat()), "latin1");

  function request(): void {
    if (script.asked.size >= 100) return;
    last += 2 + (random(8) === 0 ? 2 * random(4) : 0);
    const method = pick(random, ["GET", "GET", "GET", "POST", "POST", "HEAD"]);
    const path =
      method === "POST"
        ? pick(random, ["/echo", "/echo", "/echo", "/fixed", "/never", `/u/${last}`])
        : pick(random, [
            ...["/fixed", "/fixed", `/u/${last}`, `/u/${last}`, `/u/${last}?${"q".repeat(300)}`],
            ...["/never", "/cut", random(3) === 0 ? `/large/${last}` : "/fixed"],
          ]);
    const block = encode([
      [":method", method],
      [":scheme", "https"],
      [":authority", "localhost"],
      [":path", path],
      ["x-number", String(random(5))],
      ...(random(10) === 0 ? ([["x-long", "y".repeat(random(3_000))]] as const) : []),
    ]);
    const hasEnded = method !== "POST" || random(10) === 0;
    script.asked.set(last, { path, isHead: method === "HEAD", sent: 0, hasEnded });
    const end = hasEnded ? flag.endStream : 0;
    if (random(4) > 0) {
      const padding = random(4) === 0 ? random(200) : -1;
      const body =
        padding < 0 ? block : Buffer.concat([Buffer.of(padding), block, Buffer.alloc(padding)]);
      add(frameType.headers, end | flag.endHeaders | (padding < 0 ? 0 : padded), last, body);
      return;
    }
    const cuts = [random(block.length), random(block.length)].toSorted((a, b) => a - b);
    add(frameType.headers, end, last, block.subarray(0, cuts[0]));
    add(frameType.continuation, 0, last, block.subarray(cuts[0], cuts[1]));
    add(frameType.continuation, flag.endHeaders, last, block.subarray(cuts[1]));
  }

  function data(id: number, ends: boolean): void {
    const asked = script.asked.get(id);
    if (asked === undefined || asked.hasEnded) return;
    const count = pick(random, [0, 1, 100, 8_000, 16_000]);
    const padding = random(4) === 0 ? random(200) : -1;
    if (asked.sent + count + padding + 1 > 100_000) return;
    const body = letters(id, count);
    add(
      frameType.data,
      (ends ? flag.endStream : 0) | (padding < 0 ? 0 : padded),
      id,
      padding < 0 ? body : Buffer.concat([Buffer.of(padding), body, Buffer.alloc(padding)]),
    );
    asked.sent += count;
    asked.hasEnded = ends;
  }

  function endBody(id: number): void {
    const asked = script.asked.get(id);
    if (asked === undefined || asked.hasEnded) return;
    if (random(2) === 0) {
      data(id, true);
      if (asked.hasEnded) return;
    }
    asked.hasEnded = true;
    add(frameType.headers, flag.endHeaders | flag.endStream, id, encode([["x-trailer", "1"]]));
  }

  function widen(id: number, increment: number): void {
    add(frameType.windowUpdate, 0, id, uint32(increment));
    if (id === 0) script.connectionWindow += increment;
    else script.streamWindow += increment;
  }

  function announce(window: number, table: number): void {
    add(frameType.settings, 0, 0, Buffer.concat([setting(1, table), setting(4, window)]));
    script.streamWindow += window; // of each before, no stream had more
  }

  function reset(id: number): void {
    const asked = script.asked.get(id);
    if (asked === undefined) return;
    add(frameType.rstStream, 0, id, uint32(random(20)));
    script.asked.delete(id);
  }

  function right(): void {
    const some = open();
    const dice = random(100);
    if (dice < 45) request();
    else if (dice < 65 && some.length > 0) data(pick(random, some), false);
    else if (dice < 72 && some.length > 0) endBody(pick(random, some));
    else if (dice < 80) widen(0, 1 + random(100_000));
    else if (dice < 85 && last > 0) widen(last, 1 + random(1_000));
    else if (dice < 89) announce(pick(random, [0, 1, 100, 65_535, 1_000_000]), random(6_000));
    else if (dice < 92) add(frameType.ping, 0, 0, Buffer.alloc(8, random(256)));
    else if (dice < 94) add(priority, 0, 1 + 2 * random(100), Buffer.from([0, 0, 0, 0, 9]));
    else if (dice < 97 && last > 0) reset(pick(random, [...script.asked.keys(), last]));
    else add(10 + random(200), random(256), random(300), Buffer.alloc(random(100), 7));
  }

  function bad(): void {
    const known = [0, 1, 2, last, last + 1, last - 2, last + 40, random(400)];
    const id = Math.max(0, pick(random, known));
    const bytes = Buffer.from(Array.from({ length: random(60) }, () => random(256)));
    const wrongs: readonly (() => unknown)[] = [
      () => add(random(12), random(256), id, bytes),
      () => add(frameType.data, random(2), id, letters(id, random(2_000))),
      () => add(frameType.data, padded, id, Buffer.concat([Buffer.of(255), bytes])),
      () => add(frameType.headers, 5, last + 2, bytes),
      () => add(frameType.headers, 5 | padded, last + 2, Buffer.concat([Buffer.of(255), bytes])),
      () => add(frameType.headers, 1, last + 2, encode([[":method", "GET"]])),
      () => add(frameType.continuation, random(2) * 4, id, bytes),
      () => widen(id, 0),
      () => widen(id, 2 ** 31 - 1),
      () => announce(2 ** 31 - 1, 2 ** 32 - 1),
      () => add(frameType.settings, random(2), id, setting(random(8), 2 ** 31)),
      () => add(frameType.settings, 0, 0, bytes),
      () => add(frameType.rstStream, 0, id, bytes.subarray(0, 4)),
      () => add(frameType.goaway, 0, 0, Buffer.concat([uint32(random(9), random(20)), bytes])),
      () => add(frameType.ping, 0, 0, bytes),
      () => add(priority, 0, id, Buffer.concat([uint32(id), Buffer.of(1)])),
      () => add(pushPromise, 4, id, bytes),
      () => {
        script.hasLied = true;
        add(random(10), random(256), id, bytes, random(40_000));
      },
    ];
    pick(random, wrongs)();
  }

  for (let count = 0; count < frames; count += 1) {
    if (random(100) < wrong) bad();
    else right();
  }
  for (const id of open()) endBody(id);
  // Room for all that is still to come.
  widen(0, 500_000_000);
  announce(100_000_000, 4_096);
  add(frameType.ping, 0, 0, Buffer.from("the end."));
  return script;
}

/** In slices that know nothing of frames; each is a TLS record of its own, some arrive apart. */
async function writeSliced(client: RawH2, bytes: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length && !client.socket.destroyed; ) {
    const length = pick(random, [1, 5, 9, 200, 3_000, 40_000]);
    client.socket.write(bytes.subarray(at, at + length));
    at += length;
    if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function isPong({ type, flags, payload }: Frame): boolean {
  return type === frameType.ping && flags === flag.ack && payload.toString() === "the end.";
}

interface Got {
  status: string;
  readonly body: Buffer[];
  hasEnded: boolean;
  isReset: boolean;
}

/** What came for each stream; fails where it is not HTTP/2. */
function readAnswers({ frames }: RawH2): Map<number, Got> {
  const decoder = createHpackDecoder({ tableBytes: 4_096, listBytes: 100_000 });
  const answers = new Map<number, Got>();
  for (const { type, flags, stream, payload } of frames) {
    const got = answers.get(stream);
    if (type === frameType.headers) {
      const list = decoder.decode(payload, 0, payload.length);
      expect(list?.fields[0]).toBe(":status");
      expect(got, "a second head").toBeUndefined();
      const hasEnded = (flags & flag.endStream) !== 0;
      const status = list?.fields[1] ?? "";
      answers.set(stream, { status, body: [], hasEnded, isReset: false });
    } else if (type === frameType.data) {
      expect(got, "DATA before HEADERS").toBeDefined();
      expect(got?.hasEnded || got?.isReset, "DATA after the end").toBe(false);
      got?.body.push(payload);
      if (got !== undefined) got.hasEnded = (flags & flag.endStream) !== 0;
    } else if (type === frameType.rstStream && got !== undefined) got.isReset = true;
    expect([frameType.continuation, pushPromise, priority]).not.toContain(type);
  }
  return answers;
}

/** Whatever came must be of the answer it stands in, and no more than there was room for. */
function checkAnswers(client: RawH2, script: Script): void {
  let total = 0;
  for (const [id, got] of readAnswers(client)) {
    const body = Buffer.concat(got.body);
    total += body.length;
    expect(body.length).toBeLessThanOrEqual(script.streamWindow);
    const asked = script.asked.get(id);
    if (asked === undefined || got.status !== "200") continue;
    if (asked.path === "/cut") {
      expect(got.hasEnded).toBe(asked.isHead);
      expect("some".startsWith(body.toString())).toBe(true);
      continue;
    }
    const isEcho = asked.path === "/echo" && !asked.isHead;
    const whole = isEcho
      ? Buffer.alloc(Math.max(asked.sent, body.length), 97 + ((id >> 1) % 26))
      : bodyOf(asked.path);
    const expected = asked.isHead ? Buffer.alloc(0) : whole;
    expect(body.equals(expected.subarray(0, body.length)), `${id} ${asked.path}`).toBe(true);
    if (!got.hasEnded) continue;
    wholeAnswers += 1;
    if (!isEcho) expect(body.length).toBe(expected.length);
  }
  expect(total).toBeLessThanOrEqual(script.connectionWindow);
}

/** After no mistake at all, all that has an end has come to it. */
async function awaitAll(client: RawH2, script: Script): Promise<void> {
  for (const [id, { path, isHead, sent }] of script.asked) {
    if (path === "/never" || path === "/cut") continue;
    const end = await client.frame(
      ({ type, flags, stream }) =>
        stream === id &&
        (type === frameType.rstStream ||
          ((type === frameType.data || type === frameType.headers) &&
            (flags & flag.endStream) !== 0)),
    );
    expect(end.type, `${id} ${path}`).not.toBe(frameType.rstStream);
    const got = readAnswers(client).get(id);
    expect(got?.status, `${id} ${path}`).toBe("200");
    if (path === "/echo" && !isHead) expect(Buffer.concat(got?.body ?? [])).toHaveLength(sent);
  }
}

/** One connection; resolves when nothing more is to be had from it. */
async function disturb(random: Random, habit: number): Promise<void> {
  const wrong = pick(random, [1, 3, 20, 50]);
  const script = writeScript(random, habit === 0 ? 0 : wrong, 80);
  using client = await connectH2(edge.port);
  const bytes = Buffer.concat(script.pieces);
  if (habit === 1) client.socket.pause();
  if (habit === 2) {
    await writeSliced(client, bytes.subarray(0, random(bytes.length)), random);
    client.socket.destroy();
  } else await writeSliced(client, bytes, random);
  if (habit === 0) await awaitAll(client, script);
  else if (habit > 2) {
    if (script.hasLied) client.socket.end();
    await Promise.race([client.frame(isPong), client.closed]);
  }
  checkAnswers(client, script);
}

function failures(): RegExp {
  return /a connection failed|a step of the edge failed|thread \d ended|^ {4}at /m;
}

test.for([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  "whatever frames come, and however cut, an answer is its own request's (seed %i)",
  async (seed) => {
    const random = randomFrom(seed * 7_919);
    for (let round = 0; round < 4; round += 1) {
      const clients = Array.from({ length: 5 }, (_, at) =>
        disturb(randomFrom(random(2 ** 24)), at),
      );
      await Promise.all(clients);
    }
    {
      using fresh = await connectH2(edge.port);
      fresh.request(1, [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "localhost"],
        [":path", "/u/fresh"],
      ]);
      const data = await fresh.frame(({ type }) => type === frameType.data);
      expect(data.payload.toString()).toBe("[/u/fresh]");
    }
    await eventually("the upstream to have nothing under way", () => underWay.size === 0);
    expect(edge.child.exitCode).toBeNull();
    expect(edge.output()).not.toMatch(failures());
  },
);

test("it was no more than disorder: most answers came whole, and no connection is left", async () => {
  expect(wholeAnswers).toBeGreaterThan(1_000);
  await noConnections(edge);
});

/** By metrics that are newer than this call. */
async function noConnections(one: EdgeProcess): Promise<void> {
  await nextEvent(
    one.events,
    "message",
    (message) => message.type === "edge-metrics" && message.metrics.connections === 0,
  );
}

function openSession(port: number, settings = {}): ClientHttp2Session & Disposable {
  const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false, settings });
  session.on("error", () => {});
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

async function get(session: ClientHttp2Session, path: string): Promise<Buffer> {
  const stream = session.request({ ":path": path });
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  await once(stream, "end");
  return Buffer.concat(pieces);
}

test("an upload is held back by a backend that reads slowly, and no other request is", async () => {
  const path = join(folder.path, "slow.sock");
  const hash = createHash("sha256");
  let release = (): void => {};
  let arrived = 0;
  const slow = createHttpServer((request, response) => {
    release = () => {
      request.on("data", (piece: Buffer) => {
        arrived += piece.length;
        hash.update(piece);
      });
      request.on("end", () => response.end("got it"));
    };
  });
  slow.listen(path);
  await once(slow, "listening");
  await using own = await startSecureEdge({
    plan: {
      routes: [route("/*", { kind: "upstream", upstream: "slow" }), fixedRoute],
      upstreams: { slow: { servers: [`unix:${path}`], eject: null } },
    },
  });
  using session = openSession(own.port);
  const upload = Buffer.alloc(5 * megabyte);
  const random = randomFrom(5);
  for (let at = 0; at < upload.length; at += 4) upload.writeInt32LE(random(2 ** 24), at);
  const stream = session.request({ ":method": "POST", ":path": "/upload" });
  let accepted = 0;
  const send = (at: number): void => {
    if (at >= upload.length) {
      stream.end();
      return;
    }
    stream.write(upload.subarray(at, at + 16_384), () => {
      accepted = at + 16_384;
      send(at + 16_384);
    });
  };
  send(0);
  const stalledAt = await eventually("the upload to stall", async () => {
    const before = accepted;
    for (let count = 0; count < 20; count += 1) {
      expect((await get(session, "/fixed")).toString()).toBe("fixed\n");
    }
    return before > 0 && before === accepted ? before : undefined;
  });
  // What the kernel's and Node's buffers take, the stream's window and no more.
  expect(stalledAt).toBeLessThan(1_500_000);
  const answer = once(stream, "data");
  release();
  expect(String((await answer)[0])).toBe("got it");
  expect(arrived).toBe(upload.length);
  expect(hash.digest("hex")).toBe(createHash("sha256").update(upload).digest("hex"));
  slow.close();
});

test("a hundred downloads at once share a small window and all arrive whole", async () => {
  using session = openSession(edge.port, { initialWindowSize: 20_000 });
  const paths = Array.from({ length: 100 }, (_, index) => `/mega/${index}`);
  const bodies = await Promise.all(paths.map((path) => get(session, path)));
  for (const [index, path] of paths.entries()) {
    expect(bodies[index]?.equals(bodyOf(path)), path).toBe(true);
  }
});

test("a client with no window at all gets its answer when it says so", async () => {
  using session = openSession(edge.port, { initialWindowSize: 0 });
  const stream = session.request({ ":path": "/mega/zero" });
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  await once(stream, "response");
  for (let count = 0; count < 10; count += 1) {
    await new Promise<void>((resolve) => session.ping(() => resolve()));
  }
  expect(pieces).toHaveLength(0);
  const end = once(stream, "end");
  session.settings({ initialWindowSize: 100_000 });
  await end;
  expect(Buffer.concat(pieces).equals(bodyOf("/mega/zero"))).toBe(true);
});

test("answers of every kind pass through small windows whole, whoever leaves amid them", async () => {
  const random = randomFrom(17);
  const text = Buffer.from(Array.from({ length: 1_500_000 }, () => 97 + random(16)));
  const root = join(folder.path, "public");
  mkdirSync(root);
  writeFileSync(join(root, "text.txt"), text);
  const head = `200 OK\r\nContent-Type: text/plain\r\n`;
  await using texts = await startBackend((_request, response) => {
    response.writeHead(200, { "content-type": "text/plain", "cache-control": "max-age=60" });
    response.end(text);
  });
  await using own = await startSecureEdge({
    plan: {
      limits: { ...limits, bufferBytes: 64 * 1024, spillBytes: 64 * 1024 * 1024 },
      spillFolder: folder.path,
      compression: { encodings: ["gzip"], minBytes: 1024, types: ["text/*"] },
      routes: [
        route("/up/*", { kind: "upstream", upstream: "texts" }),
        route("/files/*", { kind: "static", root }),
        route("/*", { kind: "app", app: "shop" }),
      ],
      upstreams: { texts: { servers: [texts.address] } },
      apps: { shop: app },
    },
  });
  await using worker = await startWorker(own.folder, (request) =>
    request.answer(text, `${head}Content-Length: ${text.length}\r\n`),
  );
  await own.arbiter("shop", [worker.record]);
  using session = openSession(own.port, { initialWindowSize: 5_000 });
  const paths = ["/up/text", "/files/text.txt", "/app"];
  const bodies = Array.from({ length: 30 }, async (_, index) => {
    const fields = index % 2 === 0 ? { "accept-encoding": "gzip" } : {};
    const stream = session.request({ ":path": paths[index % 3], ...fields });
    const pieces: Buffer[] = [];
    let encoding: unknown;
    stream.on("response", (headers) => {
      encoding = headers["content-encoding"];
    });
    stream.on("data", (piece: Buffer) => {
      pieces.push(piece);
      if (index % 5 === 4) stream.close(8);
    });
    await once(stream, "close");
    if (index % 5 === 4) return true;
    const body = Buffer.concat(pieces);
    return (encoding === "gzip" ? gunzipSync(body) : body).equals(text);
  });
  expect(await Promise.all(bodies)).toEqual(Array.from({ length: 30 }, () => true));
  expect(own.output()).not.toMatch(failures());
});

test("a client that makes room in ever so small steps is no flood", async () => {
  using session = openSession(edge.port, { initialWindowSize: 4_096 });
  for (let count = 0; count < 3; count += 1) {
    const paths = Array.from({ length: 20 }, (_, index) => `/mega/${index}`);
    const bodies = await Promise.all(paths.map((path) => get(session, path)));
    for (const [index, path] of paths.entries()) {
      expect(bodies[index]?.equals(bodyOf(path)), path).toBe(true);
    }
  }
});

test("a client that stops reading costs the others nothing, and is cut off", async () => {
  await using own = await startSecureEdge({
    plan: {
      timeoutsMs: { ...timeoutsMs, idle: 700 },
      routes: [route("/*", { kind: "upstream", upstream: "any" }), fixedRoute],
      upstreams: { any: { servers: [backend.address], eject: null } },
    },
  });
  using client = await connectH2(own.port);
  client.send(frameType.settings, 0, 0, setting(4, 2 ** 31 - 1));
  client.send(frameType.windowUpdate, 0, 0, uint32(2 ** 31 - 1 - 65_535));
  for (let stream = 1; stream < 80; stream += 2) {
    client.request(stream, [
      [":method", "GET"],
      [":scheme", "https"],
      [":authority", "localhost"],
      [":path", "/endless"],
    ]);
  }
  await eventually("the upstream to be at it", () => underWay.size === 40);
  await client.frame(({ type }) => type === frameType.data);
  client.socket.pause();
  {
    using session = openSession(own.port);
    expect((await get(session, "/large/1")).equals(bodyOf("/large/1"))).toBe(true);
    for (let count = 0; count < 50; count += 1) {
      expect((await get(session, "/fixed")).toString()).toBe("fixed\n");
    }
  }
  await eventually("the upstream's connections to be released", () => underWay.size === 0);
  await noConnections(own);
  expect(own.output()).not.toMatch(failures());
});
