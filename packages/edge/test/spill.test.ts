/** Large requests and answers on disk: slow clients hold no worker, nothing is lost, nothing is left. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { type EdgeProcess, route, startEdge } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";
import { openLink, readAnswer, requestBytes, variablesOf } from "./fixtures/front-client.ts";
import { plainListener } from "./fixtures/secure.ts";
import {
  answer,
  body,
  digest,
  hasAnswered,
  megabyte,
  planWith,
  spilled,
} from "./fixtures/spill.ts";
import { startUpgradeApp } from "./fixtures/websocket-app.ts";

function open(edge: EdgeProcess): { socket: Socket; received: () => Buffer } {
  const socket = connect(edge.port, "127.0.0.1");
  const pieces: Buffer[] = [];
  socket.on("data", (piece) => pieces.push(piece));
  socket.on("error", () => {});
  return { socket, received: () => Buffer.concat(pieces) };
}

const post = `POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n`;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
const bodyOf = (answered: Buffer): Buffer => answered.subarray(answered.indexOf("\r\n\r\n") + 4);

test("a large body reaches its worker when all of it has come, and leaves nothing", async () => {
  using folder = tempFolder();
  await using edge = await startEdge({ plan: planWith(join(folder.path, "tmp"), 64 * megabyte) });
  await using worker = await startWorker(edge.folder, answer);
  await edge.arbiter("shop", [worker.record]);
  const { socket, received } = open(edge);
  socket.write(post);
  socket.write(body.subarray(0, body.length - 1));
  await eventually("the file", () => spilled(edge) === 1);
  // Everything but the last byte has been taken, and no worker knows of it.
  await eventually("the bytes to be taken", () => socket.writableLength === 0);
  expect(worker.count()).toBe(0);
  expect(readdirSync(join(folder.path, "tmp"))).toEqual([]);
  socket.write(body.subarray(body.length - 1));
  await eventually("the answer", () => received().includes(digest(body)));
  expect(received().toString("latin1")).toMatch(/^HTTP\/1\.1 200 /);
  await eventually("the file to be gone", () => spilled(edge) === 0);
  // The connection serves on, and a chunked body is treated alike.
  socket.write("POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let at = 0; at < body.length; at += megabyte) {
    socket.write(`${megabyte.toString(16)}\r\n`);
    socket.write(body.subarray(at, at + megabyte));
    socket.write("\r\n");
  }
  socket.write("0\r\n\r\n");
  await eventually(
    "the second answer",
    () => received().toString("latin1").split(digest(body)).length === 3,
  );
  // All of it had come: the worker is told how much.
  const lengths = received()
    .toString("latin1")
    .match(/^X-Length: .*$/gm);
  expect(lengths).toEqual([`X-Length: ${body.length}`, `X-Length: ${body.length}`]);
  socket.destroy();
});

test.each(["/big", "/chunked"])(
  "a worker is free although nobody reads its answer %s yet",
  async (path) => {
    using folder = tempFolder();
    await using edge = await startEdge({
      threads: 1,
      plan: planWith(join(folder.path, "tmp"), 64 * megabyte),
    });
    await using worker = await startWorker(edge.folder, answer);
    await edge.arbiter("shop", [worker.record]);
    const { socket, received } = open(edge);
    socket.pause();
    socket.write(get(path));
    await eventually("the worker to be done, and free", () => hasAnswered(edge, 1));
    socket.resume();
    const length = path === "/big" ? body.length : 0;
    await eventually("all of it", () => received().length > length && isWhole(received(), path));
    // And the next one on the same connection.
    const before = received().length;
    socket.write(get(path));
    await eventually("the next", () => isWhole(received().subarray(before), path));
    await eventually("the file to be gone", () => spilled(edge) === 0);
    socket.destroy();
  },
);

function isWhole(answered: Buffer, path: string): boolean {
  if (path === "/big") return digest(bodyOf(answered)) === digest(body);
  if (!answered.subarray(-5).equals(Buffer.from("0\r\n\r\n"))) return false;
  const pieces: Buffer[] = [];
  const chunks = bodyOf(answered);
  for (let at = 0; at < chunks.length; ) {
    const end = chunks.indexOf("\r\n", at);
    const size = Number.parseInt(chunks.toString("latin1", at, end), 16);
    pieces.push(chunks.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return digest(Buffer.concat(pieces)) === digest(body);
}

test("an upstream's answer is spilled as well, and a client that leaves frees the file", async () => {
  using folder = tempFolder();
  await using server = await startUpgradeApp(() => {});
  server.answer = body;
  await using edge = await startEdge({
    threads: 1,
    plan: {
      ...planWith(join(folder.path, "tmp"), 64 * megabyte),
      routes: [route("/*", { kind: "upstream", upstream: "one" })],
      upstreams: { one: { servers: [server.address] } } as never,
      apps: {},
    },
  });
  const reader = open(edge);
  reader.socket.pause();
  reader.socket.write(get("/"));
  await eventually("the file", () => spilled(edge) === 1);
  reader.socket.resume();
  await eventually("all of it", () => digest(bodyOf(reader.received())) === digest(body));
  const leaver = open(edge);
  leaver.socket.pause();
  leaver.socket.write(get("/"));
  await eventually("its file", () => spilled(edge) === 1);
  leaver.socket.destroy();
  await eventually("the file to be gone", () => spilled(edge) === 0);
  reader.socket.destroy();
});

test("beyond the bound bodies are streamed, whole", async () => {
  using folder = tempFolder();
  await using edge = await startEdge({
    threads: 1,
    plan: planWith(join(folder.path, "tmp"), 2 * megabyte),
  });
  await using worker = await startWorker(edge.folder, answer);
  await edge.arbiter("shop", [worker.record]);
  const { socket, received } = open(edge);
  socket.write(post);
  socket.write(body.subarray(0, body.length - 1));
  await eventually("the worker to be asked", () => worker.count() === 1);
  socket.write(body.subarray(body.length - 1));
  await eventually("the answer", () => received().includes(digest(body)));
  const reader = open(edge);
  reader.socket.write(get("/big"));
  await eventually("all of it", () => digest(bodyOf(reader.received())) === digest(body));
  reader.socket.destroy();
  socket.destroy();
});

test("where no file can be made bodies are streamed, and it is said once", async () => {
  using folder = tempFolder();
  writeFileSync(join(folder.path, "tmp"), "a file in the way");
  await using edge = await startEdge({
    threads: 1,
    plan: planWith(join(folder.path, "tmp"), 64 * megabyte),
  });
  await using worker = await startWorker(edge.folder, answer);
  await edge.arbiter("shop", [worker.record]);
  for (let round = 0; round < 2; round += 1) {
    const { socket, received } = open(edge);
    socket.write(post);
    socket.write(body);
    await eventually("the answer", () => received().includes(digest(body)));
    socket.destroy();
  }
  expect(edge.output().match(/streamed, not spilled/g)).toHaveLength(1);
});

test("a disk that is full loses no byte of either direction", async () => {
  using folder = tempFolder();
  const small = join(folder.path, "small");
  mkdirSync(small);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", small]);
  expect(mounted.status, "a small disk is mounted by root").toBe(0);
  try {
    await using edge = await startEdge({ threads: 1, plan: planWith(small, 64 * megabyte) });
    await using worker = await startWorker(edge.folder, answer);
    await edge.arbiter("shop", [worker.record]);
    const { socket, received } = open(edge);
    socket.write(post);
    socket.write(body);
    await eventually("the answer", () => received().includes(digest(body)));
    const reader = open(edge);
    reader.socket.pause();
    reader.socket.write(get("/big"));
    await eventually("the disk to be full", () => /ENOSPC/.test(edge.output()));
    reader.socket.resume();
    await eventually("all of it", () => digest(bodyOf(reader.received())) === digest(body));
    socket.destroy();
    reader.socket.destroy();
  } finally {
    spawnSync("umount", [small]);
  }
});

test("after a crash nothing is left", async () => {
  using folder = tempFolder();
  const edge = await startEdge({
    threads: 1,
    plan: planWith(join(folder.path, "tmp"), 64 * megabyte),
  });
  const { socket } = open(edge);
  socket.write(post);
  socket.write(body.subarray(0, 3 * megabyte));
  await eventually("the file", () => spilled(edge) === 1);
  edge.child.kill("SIGKILL");
  await once(edge.child, "exit");
  expect(readdirSync(join(folder.path, "tmp"))).toEqual([]);
  socket.destroy();
  await edge[Symbol.asyncDispose]();
});

test.each(["uwsgi", "fastcgi", "scgi"] as const)(
  "a web server in front that is slow holds no worker either: %s",
  async (protocol) => {
    using folder = tempFolder();
    await using edge = await startEdge({
      threads: 1,
      plan: {
        ...planWith(join(folder.path, "tmp"), 64 * megabyte),
        listeners: [{ ...plainListener, protocol, frontServer: true }],
      },
    });
    await using worker = await startWorker(edge.folder, answer);
    await edge.arbiter("shop", [worker.record]);
    const sender = openLink(edge.target);
    const said = { REQUEST_METHOD: "POST", CONTENT_LENGTH: String(body.length) };
    const request = requestBytes(protocol, variablesOf("/x", said), body);
    await sender.write(request.subarray(0, -100));
    await eventually("the file", () => spilled(edge) === 1);
    expect(worker.count()).toBe(0);
    await sender.write(request.subarray(-100));
    expect(readAnswer(protocol, await sender.ended)).toMatchObject({
      status: 200,
      body: digest(body),
    });
    const reader = openLink(edge.target);
    reader.socket.pause();
    await reader.write(requestBytes(protocol, variablesOf("/big")));
    await eventually("the worker to be done, and free", () => hasAnswered(edge, 2));
    reader.socket.resume();
    const answered = readAnswer(protocol, await reader.ended);
    expect(digest(Buffer.from(answered.body, "latin1"))).toBe(digest(body));
    await eventually("the files to be gone", () => spilled(edge) === 0);
  },
);
