/** Bodies and answers between slow and fast ends: nothing mixed up, nothing unbounded, no worker held. */
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { eventually, exchangeRaw } from "@stack/testkit";
import { expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge, timeoutsMs } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";

const get = (path: string, fields = "Connection: close\r\n", method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;

/** Bytes that say to whom they belong and where they stand. */
function pattern(tag: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4)
    bytes.writeUInt32LE(((tag << 24) | (at >>> 2)) >>> 0, at);
  return bytes;
}

/** A client that reads when it is told to. */
function slowClient(edge: EdgeProcess) {
  const socket = connect(edge.target);
  const pieces: Buffer[] = [];
  const ended = new Promise<Buffer>((resolve) => {
    socket.on("close", () => resolve(Buffer.concat(pieces)));
  });
  socket.on("error", () => {});
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  socket.pause();
  return { socket, ended, received: () => pieces.reduce((sum, piece) => sum + piece.length, 0) };
}

function bodyOf(answer: Buffer): Buffer {
  return answer.subarray(answer.indexOf("\r\n\r\n") + 4);
}

function residentBytes(edge: EdgeProcess): number {
  const status = readFileSync(`/proc/${edge.child.pid}/status`, "latin1");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

test("no byte of one connection reaches another, with slow readers on both kinds of backend", async () => {
  await using edge = await startEdge({ threads: 1 });
  const size = 20 * 1024 * 1024; // more than the kernel takes of a client that does not read
  let sent = 0;
  const workers = await Promise.all(
    [1, 2, 3].map((index) =>
      startWorker(
        edge.folder,
        async (request) => {
          const body = pattern(Number(request.env.get("QUERY_STRING")), size);
          request.head(`200 OK\r\nContent-Length: ${size}\r\n`);
          for (let at = 0; at < size; at += 65_536) {
            await request.write(body.subarray(at, at + 65_536));
            sent += 65_536;
          }
          request.end();
        },
        `shop-1.${index}`,
      ),
    ),
  );
  await edge.arbiter(
    "shop",
    workers.map(({ record }) => record),
  );
  const upstream = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data: Buffer) => {
      const tag = Number(/\?(\d+) HTTP/.exec(data.toString("latin1"))?.[1]);
      if (Number.isNaN(tag)) return; // more of a body
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(pattern(tag, size));
    });
  });
  const path = join(edge.folder, "up.sock");
  await new Promise<void>((resolve) => upstream.listen(path, resolve));
  await edge.configure({
    routes: [
      route("/up", { kind: "upstream", upstream: "other" }),
      route("/*", { kind: "app", app: "shop" }),
    ],
    upstreams: { other: { servers: [`unix:${path}`] } },
  });

  const clients = [1, 2, 3, 4, 5].map((tag) => {
    const client = slowClient(edge);
    client.socket.write(get(`${tag % 2 === 0 ? "/up" : "/app"}?${tag}`));
    return { tag, ...client };
  });
  expect(await settled(() => sent)).toBeLessThan(3 * size); // all are stuck
  // What is read now goes through the same buffers, while the answers above wait to be written.
  const noise = Array.from({ length: 4 }, () =>
    exchangeRaw(
      edge.target,
      [
        get("/up?66", "Content-Length: 500000\r\nConnection: close\r\n", "POST"),
        Buffer.alloc(500_000, 0x42),
      ],
      (text) => text.length > 3_000_000,
      20_000,
    ),
  );
  await Promise.all(noise);
  for (const { socket } of clients) socket.resume();
  for (const { tag, ended } of clients)
    expect(bodyOf(await ended).equals(pattern(tag, size))).toBe(true);
  upstream.close();
  for (const worker of workers) await worker[Symbol.asyncDispose]();
});

test("a slow reader of an ordinary page holds no worker", async () => {
  await using edge = await startEdge();
  const page = pattern(7, 900_000);
  await using worker = await startWorker(edge.folder, (request) => request.answer(page));
  await edge.arbiter("shop", [worker.record]);
  const slow = slowClient(edge);
  slow.socket.write(get("/page"));
  await eventually("the worker to have answered", () => worker.count() === 1);
  for (let index = 0; index < 5; index += 1) {
    expect((await exchangeRaw(edge.target, [get("/quick")])).slice(0, 12)).toBe("HTTP/1.1 200");
  }
  slow.socket.resume();
  expect(bodyOf(await slow.ended).equals(page)).toBe(true);
});

test("a slow upload within the bound holds no worker until it is complete", async () => {
  await using edge = await startEdge();
  await using worker = await startWorker(edge.folder, async (request) =>
    request.answer(String((await request.body).length)),
  );
  await edge.arbiter("shop", [worker.record]);
  const slow = slowClient(edge);
  slow.socket.resume();
  slow.socket.write(get("/slow", "Content-Length: 100000\r\nConnection: close\r\n", "POST"));
  slow.socket.write(Buffer.alloc(60_000));
  for (let index = 0; index < 5; index += 1) {
    expect(await exchangeRaw(edge.target, [get("/quick")])).toMatch(/\r\n\r\n0$/);
  }
  expect(worker.count()).toBe(5);
  slow.socket.write(Buffer.alloc(40_000));
  expect((await slow.ended).toString("latin1")).toMatch(/\r\n\r\n100000$/);
});

test("large uploads are streamed: byte-identical, and the edge's memory stays bounded", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: { limits: { ...limits, bodyBytes: 64 * 1024 * 1024 } },
  });
  const upload = pattern(3, 50 * 1024 * 1024);
  await using worker = await startWorker(edge.folder, async (request) => {
    await request.answer((await request.body).equals(upload) ? "the same" : "another");
  });
  await edge.arbiter("shop", [worker.record]);
  const before = residentBytes(edge);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes(edge));
  }, 20);
  for (let round = 0; round < 4; round += 1) {
    const head = get(
      "/upload",
      `Content-Length: ${upload.length}\r\nConnection: close\r\n`,
      "POST",
    );
    expect(await exchangeRaw(edge.target, [head, upload], undefined, 60_000)).toMatch(/the same$/);
  }
  clearInterval(watch);
  // Pieces that were passed on are V8's to collect: it does so every few dozen MB.
  expect(most - before).toBeLessThan(2 * upload.length);
});

test("an upload goes no faster than the worker takes it", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: { limits: { ...limits, bodyBytes: 2 ** 26 } },
  });
  await using worker = await startWorker(edge.folder, async (request) => {
    await request.body;
    await request.answer("done");
  });
  worker.grants = false;
  await edge.arbiter("shop", [worker.record]);
  const client = slowClient(edge);
  client.socket.resume();
  const size = 32 * 1024 * 1024;
  client.socket.write(get("/", `Content-Length: ${size}\r\nConnection: close\r\n`, "POST"));
  client.socket.write(Buffer.alloc(size));
  await eventually("the worker's window to be full", () => worker.bodyBytes() === 1024 * 1024);
  // What the kernel holds of both connections, and the bounds, is all that has left the client.
  const stuck = await settled(() => client.socket.writableLength + kernelQueue(client.socket));
  expect(stuck).toBeGreaterThan(size / 2);
  worker.grants = true;
  worker.grantAll();
  expect((await client.ended).toString("latin1")).toMatch(/done$/);
});

test("a download goes no faster than the client reads it, and then arrives whole", async () => {
  await using edge = await startEdge({ threads: 1 });
  const size = 32 * 1024 * 1024;
  const file = pattern(5, size);
  let sent = 0;
  await using worker = await startWorker(edge.folder, async (request) => {
    request.head(`200 OK\r\nContent-Length: ${size}\r\n`);
    for (let at = 0; at < size; at += 65_536) {
      await request.write(file.subarray(at, at + 65_536));
      sent = at;
    }
    request.end();
  });
  await edge.arbiter("shop", [worker.record]);
  const client = slowClient(edge);
  client.socket.write(get("/file"));
  const stuck = await settled(() => sent);
  expect(stuck).toBeGreaterThan(512 * 1024);
  expect(stuck).toBeLessThan(size / 2);
  client.socket.resume();
  expect(bodyOf(await client.ended).equals(file)).toBe(true);
});

test("a client that stops reading is cut off after its time, and its worker is free", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: { timeoutsMs: { ...timeoutsMs, idle: 500 } },
  });
  await using worker = await startWorker(edge.folder, async (request) => {
    if (request.env.get("PATH_INFO") === "/quick") return await request.answer("quick");
    request.head("200 OK\r\n");
    while (!request.isAborted()) await request.write(Buffer.alloc(65_536));
  });
  await edge.arbiter("shop", [worker.record]);
  const client = slowClient(edge);
  client.socket.write(get("/endless"));
  await eventually("the worker to have it", () => worker.count() === 1);
  expect(await exchangeRaw(edge.target, [get("/quick")], undefined, 30_000)).toMatch(/quick$/);
  client.socket.destroy();
});

test("a client that pipelines and does not read is not answered for ever", async () => {
  await using edge = await startEdge({ threads: 1 });
  let answered = 0;
  await using worker = await startWorker(edge.folder, (request) => {
    answered += 1;
    return request.answer(Buffer.alloc(100_000));
  });
  await edge.arbiter("shop", [worker.record]);
  const client = slowClient(edge);
  const requests = 400;
  client.socket.write(get("/", "").repeat(requests));
  const stuck = await settled(() => answered);
  expect(stuck).toBeLessThan(requests / 2);
  client.socket.resume();
  await eventually("all to be answered", () => answered === requests);
  await eventually("all to be received", () => client.received() > requests * 100_000);
  client.socket.destroy();
});

/** The value of something that grows, once it has been the same for a while. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  return await eventually("it to stand still", () => {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    return same > 30 && now > 0 ? now : undefined;
  });
}

function kernelQueue(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { writeQueueSize?: number } })._handle;
  return handle?.writeQueueSize ?? 0;
}
