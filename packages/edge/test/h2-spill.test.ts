/** Large requests and answers over HTTP/2: slow clients hold no worker, and one of them no other stream. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { join } from "node:path";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import type { EdgeProcess } from "./edge-process.ts";
import { type FakeWorker, startWorker } from "./fake-worker.ts";
import { startSecureEdge } from "./fixtures/secure.ts";
import {
  answer,
  body,
  digest,
  hasAnswered,
  megabyte,
  planWith,
  spilled,
} from "./fixtures/spill.ts";

interface Served extends AsyncDisposable {
  readonly edge: EdgeProcess;
  readonly worker: FakeWorker;
  readonly session: ClientHttp2Session;
}

/** An edge that spills to a folder, its worker, and a client. */
async function serve(spillFolder?: string): Promise<Served> {
  const folder = tempFolder();
  const edge = await startSecureEdge({
    threads: 1,
    plan: {
      ...planWith(spillFolder ?? join(folder.path, "tmp"), 64 * megabyte),
    },
  });
  const worker = await startWorker(edge.folder, answer);
  await edge.arbiter("shop", [worker.record]);
  const session = connect(`https://localhost:${edge.port}`, { rejectUnauthorized: false });
  return {
    edge,
    worker,
    session,
    async [Symbol.asyncDispose]() {
      session.destroy();
      await worker[Symbol.asyncDispose]();
      await edge[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

function post(session: ClientHttp2Session, fields = {}): ClientHttp2Stream {
  const stream = session.request({ ":path": "/x", ":method": "POST", ...fields });
  stream.on("error", () => {}); // some are reset
  return stream;
}

async function read(stream: ClientHttp2Stream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  await once(stream, "end");
  return Buffer.concat(pieces);
}

test.each([
  { what: "whose length is said", fields: { "content-length": body.length } },
  { what: "whose length is not said", fields: {} },
])("a large body $what reaches its worker when all of it has come", async ({ fields }) => {
  await using served = await serve();
  const { edge, worker, session } = served;
  const stream = post(session, fields);
  const headers = once(stream, "response");
  stream.write(body.subarray(0, body.length - 1));
  await eventually("the file", () => spilled(edge) === 1);
  await eventually("the bytes to be taken", () => stream.writableLength === 0);
  expect(worker.count()).toBe(0);
  // Meanwhile another one of its client's streams is served.
  const other = post(session);
  other.end("other");
  expect((await read(other)).toString()).toBe(digest(Buffer.from("other")));
  stream.end(body.subarray(body.length - 1));
  const [answered] = (await headers) as [Record<string, unknown>];
  // It had come: the worker is told how much.
  expect(answered).toMatchObject({ ":status": 200, "x-length": String(body.length) });
  expect((await read(stream)).toString()).toBe(digest(body));
  await eventually("the file to be gone", () => spilled(edge) === 0);
});

test.each(["/big", "/chunked"])(
  "a worker is free although nobody reads its answer %s yet",
  async (path) => {
    await using served = await serve();
    const { edge, session } = served;
    const stream = session.request({ ":path": path });
    await eventually("the worker to be done, and free", () => hasAnswered(edge, 1));
    expect(spilled(edge)).toBe(1);
    const other = post(session);
    other.end("other");
    expect((await read(other)).toString()).toBe(digest(Buffer.from("other")));
    expect(digest(await read(stream))).toBe(digest(body));
    await eventually("the file to be gone", () => spilled(edge) === 0);
  },
);

test("a client that resets its stream, or leaves, frees the files", async () => {
  await using served = await serve();
  const { edge, session } = served;
  const sending = post(session);
  sending.write(body);
  const reading = session.request({ ":path": "/big" });
  reading.on("error", () => {});
  const staying = session.request({ ":path": "/big" });
  staying.on("error", () => {});
  await eventually("three files", () => spilled(edge) === 3);
  sending.close(8);
  reading.close(8);
  await eventually("one file", () => spilled(edge) === 1);
  session.destroy();
  await eventually("the last to be gone", () => spilled(edge) === 0);
});

test("a disk that is full loses no byte of either direction", async () => {
  using folder = tempFolder();
  const small = join(folder.path, "small");
  mkdirSync(small);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", small]);
  expect(mounted.status, "a small disk is mounted by root").toBe(0);
  try {
    await using served = await serve(small);
    const { edge, session } = served;
    const sent = post(session);
    sent.end(body);
    expect((await read(sent)).toString()).toBe(digest(body));
    const stream = session.request({ ":path": "/big" });
    await eventually("the disk to be full", () => /ENOSPC/.test(edge.output()));
    expect(digest(await read(stream))).toBe(digest(body));
  } finally {
    spawnSync("umount", [small]);
  }
});
