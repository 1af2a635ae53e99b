/** Exchanges that share one connection to their worker: each is its client's, and ends alone. */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { streamWindow } from "@stack/protocols";
import { eventually, exchangeRaw, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { app, type EdgeOptions, type EdgeProcess, limits, startEdge } from "./edge-process.ts";
import {
  type FakeSharedWorker,
  type StreamRequest,
  startSharedWorker,
} from "./fake-shared-worker.ts";

const shop = "shop";
const patientMs = 60_000;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: string;
}

function parse(text: string): Answer {
  const at = text.indexOf("\r\n\r\n");
  return { status: Number(text.split(" ")[1]), text, body: at < 0 ? "" : text.slice(at + 4) };
}

/** A whole exchange on a connection of its own. */
async function ask(edge: EdgeProcess, path: string, method = "GET", body = ""): Promise<Answer> {
  const length = method === "POST" || method === "PUT" ? `Content-Length: ${body.length}\r\n` : "";
  const request = `${method} ${path} HTTP/1.1\r\nHost: a.test\r\n${length}Connection: close\r\n\r\n`;
  return parse(await exchangeRaw(edge.target, [request + body], undefined, patientMs));
}

/** A client that may go away, or read when it likes. */
async function openClient(edge: EdgeProcess): Promise<Socket> {
  const socket = connect(edge.target);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;

/** An edge of one thread and a worker whose shared connection is there. Answers `/warm` by itself. */
async function start(options: EdgeOptions = {}, capacity = 100) {
  const edge = await startEdge({ threads: 1, ...options });
  const worker = await startWorker(edge, "shop-1.1", capacity);
  const arbiter = await edge.arbiter(shop, [worker.record]);
  await warm(edge, worker);
  return {
    edge,
    worker,
    arbiter,
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await worker[Symbol.asyncDispose]();
    },
  };
}

function startWorker(edge: EdgeProcess, id: string, capacity = 100): Promise<FakeSharedWorker> {
  return startSharedWorker(edge.folder, {
    id,
    capacity,
    handle(request) {
      if (request.path === "/warm" || request.path === "/quick") void request.answer(id);
    },
  });
}

/** Until requests for it go over its shared connection. */
async function warm(edge: EdgeProcess, worker: FakeSharedWorker): Promise<void> {
  await eventually(
    "a request on a stream",
    async () => {
      await ask(edge, "/warm");
      return (worker.requests.at(-1)?.stream ?? 0) > 0;
    },
    patientMs,
  );
}

async function queued(edge: EdgeProcess, count: number): Promise<void> {
  await eventually(`${count} to wait`, () => edge.metrics()?.apps[shop]?.queue === count);
}

/** It goes on with the connection it has: on another the numbers would begin anew. */
async function isUnharmed(edge: EdgeProcess, worker: FakeSharedWorker): Promise<void> {
  const last = Math.max(...worker.requests.map(({ stream }) => stream));
  expect(await ask(edge, "/quick")).toMatchObject({ status: 200, body: worker.record.id });
  expect(worker.requests.at(-1)?.stream).toBeGreaterThan(last);
}

test("two requests at once on one connection are answered in the other order", async () => {
  await using the = await start();
  const [one, two] = [ask(the.edge, "/one"), ask(the.edge, "/two")];
  const [first, second] = [await the.worker.request("/one"), await the.worker.request("/two")];
  expect(first.stream).toBeGreaterThan(0);
  expect(second.stream).toBeGreaterThan(0);
  expect(first.stream).not.toBe(second.stream);

  await second.answer("of two");
  expect(await two).toMatchObject({ status: 200, body: "of two" });
  await first.answer("of one");
  expect(await one).toMatchObject({ status: 200, body: "of one" });
});

test("answers that mingle in one write reach each its client", async () => {
  await using the = await start();
  const paths = ["/a", "/b", "/c", "/d"];
  const answers = paths.map((path) => ask(the.edge, path));
  const requests = await Promise.all(paths.map((path) => the.worker.request(path)));
  the.worker.together(() => {
    for (const request of requests) request.head(`200 OK\r\nX-Path: ${request.path}\r\n`);
    for (let round = 0; round < 50; round += 1) {
      for (const request of requests) void request.write(`${request.path}${round};`);
    }
    for (const request of requests.toReversed()) request.end();
  });
  const expected = (path: string): string =>
    Array.from({ length: 50 }, (_, round) => `${path}${round};`).join("");
  for (const [index, answer] of (await Promise.all(answers)).entries()) {
    const path = paths[index] ?? "";
    expect(answer.text).toContain(`X-Path: ${path}\r\n`);
    expect(unchunk(answer.body)).toBe(expected(path));
  }
});

test("what many clients ask in one turn of the loop leaves in one write", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const clients = await Promise.all(Array.from({ length: 8 }, () => openClient(edge)));
  for (const client of clients) {
    client.write(get("/quick"));
    await once(client, "data"); // it is accepted, and idle
  }
  const before = worker.reads.length;
  // Stopped, the edge finds all of them at once when it goes on.
  edge.child.kill("SIGSTOP");
  await eventually("the edge to stand still", () => isStopped(edge.child.pid ?? 0));
  const answers = clients.map(async (client) => {
    const answered = once(client, "data");
    client.write(get("/quick"));
    await answered;
  });
  await eventually("all to have arrived", () => unreadSockets(edge.port) === clients.length);
  edge.child.kill("SIGCONT");
  await Promise.all(answers);
  for (const client of clients) client.destroy();

  // The first leaves at once, as nothing else is under way then.
  const reads = worker.reads.slice(before);
  expect(reads.reduce((sum, count) => sum + count, 0)).toBe(clients.length);
  expect(reads.length).toBeLessThanOrEqual(2);
});

test("a client that does not read stops its own stream only, and gets its own bytes in the end", async () => {
  await using the = await start({ plan: { limits: { ...limits, bufferBytes: 64 * 1024 } } });
  const { edge, worker } = the;
  // More than kernels keep for a client that does not read.
  const size = 48 * 1024 * 1024;
  const slow = await Promise.all(
    ["s", "t"].map(async (letter) => {
      const client = await openClient(edge);
      client.pause();
      client.write(`GET /${letter} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
      const request = await worker.request(`/${letter}`);
      expect(request.stream).toBeGreaterThan(0);
      const block = letter.repeat(1024 * 1024);
      const progress = { sent: 0 };
      const written = (async () => {
        request.head(`200 OK\r\nContent-Length: ${size}\r\n`);
        for (; progress.sent < size; progress.sent += block.length) await request.write(block);
        request.end();
      })();
      return { letter, client, request, progress, written };
    }),
  );
  for (let round = 0; round < 100; round += 1) {
    const path = `/x${round}`;
    const answer = ask(edge, path);
    await (await worker.request(path)).answer(path.repeat(20_000));
    expect((await answer).body).toBe(path.repeat(20_000));
  }
  for (const { progress } of slow) expect(progress.sent).toBeLessThan(size);

  for (const { letter, client, request, written } of slow) {
    const { head, bytes, strangers } = await readAll(client, letter);
    await written;
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(bytes).toBe(size);
    expect(strangers).toBe(0);
    expect(request.granted()).toBeGreaterThanOrEqual(size - streamWindow);
    expect(request.granted()).toBeLessThanOrEqual(size);
  }
  await isUnharmed(edge, worker);
}, 240_000);

test("an answer larger than the window arrives whole", async () => {
  await using the = await start();
  const answer = ask(the.edge, "/large");
  const text = Array.from({ length: 300_000 }, (_, index) => index.toString(36)).join(",");
  expect(text.length).toBeGreaterThan(4 * streamWindow);
  await (await the.worker.request("/large")).answer(text);
  const { status, body } = await answer;
  expect(status).toBe(200);
  expect(body === text).toBe(true);
});

test("HEAD has its head and no body", async () => {
  await using the = await start();
  const answer = ask(the.edge, "/head", "HEAD");
  const request = await the.worker.request("/head");
  expect([request.method, request.stream > 0]).toEqual(["HEAD", true]);
  request.head("200 OK\r\nContent-Length: 12345\r\n");
  request.end();
  const { text, body } = await answer;
  expect(text).toMatch(/\r\nContent-Length: 12345\r\n/i);
  expect(body).toBe("");
  await isUnharmed(the.edge, the.worker);
});

test("a client that goes away aborts its stream only; what crossed is passed over, its slot is free", async () => {
  await using the = await start({}, 2);
  const { edge, worker } = the;
  const leaver = await openClient(edge);
  leaver.write(get("/leaves"));
  const staying = ask(edge, "/stays");
  const [left, stays] = [await worker.request("/leaves"), await worker.request("/stays")];
  const next = ask(edge, "/next");
  await queued(edge, 1); // both slots are taken

  leaver.resetAndDestroy();
  await eventually("the abort", () => left.isAborted());
  const served = await worker.request("/next");
  expect(served.stream).toBeGreaterThan(stays.stream);
  worker.together(() => {
    void left.answer("for nobody");
    void served.answer("of next");
    left.say("");
    left.abort();
    void stays.answer("of stays");
  });
  expect(await next).toMatchObject({ status: 200, body: "of next" });
  expect(await staying).toMatchObject({ status: 200, body: "of stays" });
  expect(stays.isAborted()).toBe(false);
  await isUnharmed(edge, worker);
});

test("a client that goes away within its answer aborts its stream only", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const leaver = await openClient(edge);
  leaver.write(get("/leaves"));
  const staying = ask(edge, "/stays");
  const [left, stays] = [await worker.request("/leaves"), await worker.request("/stays")];
  left.head("200 OK\r\nContent-Type: text/event-stream\r\n");
  await left.write("data: 1\n\n");
  await once(leaver, "data");
  leaver.resetAndDestroy();
  await eventually("the abort", () => left.isAborted());
  await stays.answer("of stays");
  expect(await staying).toMatchObject({ status: 200, body: "of stays" });
  await isUnharmed(edge, worker);
});

test("what the worker aborts before its head is tried once more if it is safe, else it is a 502", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const other = ask(edge, "/other");
  const unharmed = await worker.request("/other");

  const saved = ask(edge, "/saved");
  (await worker.request("/saved", 0)).abort();
  await (await worker.request("/saved", 1)).answer("the second time");
  expect(await saved).toMatchObject({ status: 200, body: "the second time" });

  const lost = ask(edge, "/lost");
  (await worker.request("/lost", 0)).abort();
  (await worker.request("/lost", 1)).abort();
  expect((await lost).status).toBe(502);

  const posted = ask(edge, "/posted", "POST", "once");
  (await worker.request("/posted")).abort();
  expect((await posted).status).toBe(502);
  expect(worker.requests.filter(({ path }) => path === "/posted")).toHaveLength(1);

  await unharmed.answer("of other");
  expect(await other).toMatchObject({ status: 200, body: "of other" });
  await isUnharmed(edge, worker);
});

test("what the worker aborts within its answer is cut off for its client", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const reader = await openClient(edge);
  reader.write(get("/cut"));
  const whole = ask(edge, "/whole");
  const [first, second] = [await worker.request("/cut"), await worker.request("/whole")];
  first.head("200 OK\r\nContent-Length: 100\r\n");
  await first.write("half of it");
  let text = "";
  reader.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  await eventually("the half", () => text.endsWith("half of it"));
  const closed = once(reader, "close");
  worker.together(() => {
    first.abort();
    void second.answer("all of it");
  });
  await closed;
  expect(text).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nhalf of it$/);
  expect(await whole).toMatchObject({ status: 200, body: "all of it" });
  expect(worker.requests.filter(({ path }) => path === "/cut")).toHaveLength(1);
  await isUnharmed(edge, worker);
});

test("FAIL is a 500, and a head that is none a 502, for their client alone", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const answers = ["/fails", "/bad", "/good"].map((path) => ask(edge, path));
  const [fails, bad, good] = await Promise.all(
    ["/fails", "/bad", "/good"].map((path) => worker.request(path)),
  );
  worker.together(() => {
    fails?.fail();
    bad?.head("nonsense\r\n");
    void bad?.write("of a head that was refused");
    void good?.answer("of good");
  });
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([500, 502, 200]);
  await eventually("the edge to abort what it refused", () => bad?.isAborted());
  expect(good?.isAborted()).toBe(false);
  await isUnharmed(edge, worker);
});

test("GOAWAY: what runs is finished, nothing new comes, then the connections are closed", async () => {
  await using the = await start();
  const { edge, worker, arbiter } = the;
  const answers = [ask(edge, "/one"), ask(edge, "/two")];
  const running = [await worker.request("/one"), await worker.request("/two")];
  worker.goaway();
  const waiting = ask(edge, "/new");
  await queued(edge, 1);
  await eventually("the idle connection to be closed", () => worker.connections() === 1);
  for (const request of running) await request.answer("finished");
  for (const answer of answers)
    expect(await answer).toMatchObject({ status: 200, body: "finished" });
  await eventually("the connection to be closed", () => worker.connections() === 0);

  await using fresh = await startWorker(edge, "shop-1.2");
  arbiter.up(fresh.record);
  await (await fresh.request("/new")).answer("fresh");
  expect(await waiting).toMatchObject({ status: 200, body: "fresh" });
  expect(worker.requests.some(({ path }) => path === "/new")).toBe(false);
});

test("a worker that is drained by its arbiter finishes what it has, and is reported then", async () => {
  await using the = await start();
  const { edge, worker, arbiter } = the;
  const answers = [ask(edge, "/one"), ask(edge, "/two")];
  const running = [await worker.request("/one"), await worker.request("/two")];
  const { key } = worker.record;
  arbiter.send({ type: "worker-drain", key });
  await eventually("the idle connection to be closed", () => worker.connections() === 1);
  const waiting = ask(edge, "/new");
  await queued(edge, 1);
  const drained = nextEvent(
    arbiter.events,
    "message",
    (message) => message.type === "worker-drained" && message.key === key,
    patientMs,
  );
  for (const request of running) await request.answer("finished");
  for (const answer of answers) expect((await answer).body).toBe("finished");
  await drained;
  await eventually("the connections to be closed", () => worker.connections() === 0);
  await using fresh = await startWorker(edge, "shop-1.2");
  arbiter.up(fresh.record);
  await (await fresh.request("/new")).answer("fresh");
  expect((await waiting).status).toBe(200);
});

test("what a worker's death gives back is tried elsewhere in the order it came", async () => {
  await using the = await start();
  const { edge, worker, arbiter } = the;
  const paths = ["/1", "/2", "/3", "/4"];
  const answers: Promise<Answer>[] = [];
  for (const path of paths) {
    answers.push(ask(edge, path));
    await worker.request(path);
  }
  await using other = await startWorker(edge, "shop-1.2", 1);
  arbiter.up(other.record);
  worker.kill();

  for (const path of paths) await (await other.request(path)).answer(path);

  expect(other.requests.map(({ path }) => path)).toEqual(paths);
  for (const answer of answers) expect((await answer).status).toBe(200);
});

test("a worker's death loses all it had: what is safe is tried elsewhere, a POST is a 502", async () => {
  await using the = await start();
  const { edge, worker, arbiter } = the;
  const gets = ["/1", "/2", "/3"].map((path) => ask(edge, path));
  const put = ask(edge, "/put", "PUT", "what it puts");
  const post = ask(edge, "/post", "POST", "what it posts");
  for (const path of ["/1", "/2", "/3", "/put", "/post"]) {
    expect((await worker.request(path)).stream).toBeGreaterThan(0);
  }
  await using other = await startWorker(edge, "shop-1.2");
  arbiter.up(other.record);
  worker.kill();
  expect((await post).status).toBe(502);
  for (const path of ["/1", "/2", "/3"]) await (await other.request(path)).answer(path);
  for (const [index, answer] of gets.entries()) {
    expect(await answer).toMatchObject({ status: 200, body: `/${index + 1}` });
  }
  const replayed = await other.request("/put");
  expect(String(await replayed.body)).toBe("what it puts");
  await replayed.answer("put");
  expect((await put).status).toBe(200);
  expect(other.requests.some(({ path }) => path === "/post")).toBe(false);
});

test("the end of the shared connection is word of a death that the others have not told yet", async () => {
  await using the = await start();
  const { edge, worker, arbiter } = the;
  await using other = await startWorker(edge, "shop-1.2");
  const answers = ["/1", "/2"].map((path) => ask(edge, path));
  for (const path of ["/1", "/2"]) await worker.request(path);
  arbiter.up(other.record);
  await warm(edge, other);
  worker.dieShared();
  for (const path of ["/1", "/2"]) await (await other.request(path)).answer(path);
  for (const answer of answers) expect((await answer).status).toBe(200);
  expect(worker.requests.filter(({ path }) => path === "/1" || path === "/2")).toHaveLength(2);
  await eventually("the other connection to be closed", () => worker.connections() === 0);
});

test("what a worker is killed for is the answer of all it had, and none is tried elsewhere", async () => {
  await using the = await start();
  const { edge, worker, arbiter } = the;
  const answers = [ask(edge, "/one"), ask(edge, "/two")];
  for (const path of ["/one", "/two"]) await worker.request(path);
  const { key } = worker.record;
  arbiter.send({ type: "worker-gone", key, answer: { status: 502, reason: "too much memory" } });
  for (const answer of answers) {
    expect((await answer).status).toBe(502);
    expect((await answer).text).toContain("too much memory");
  }
  await eventually("the connections to be closed", () => worker.connections() === 0);
});

test("one that takes too long is a 504, and the others are left alone", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const patient = ask(edge, "/patient");
  const waits = await worker.request("/patient");
  await edge.configure({ apps: { shop: { ...app, timeoutMs: 200 } } });
  const late = ask(edge, "/late");
  const stuck = await worker.request("/late");
  expect((await late).status).toBe(504);
  await eventually("its abort", () => stuck.isAborted());
  expect(waits.isAborted()).toBe(false);
  await waits.answer("in the end");
  expect(await patient).toMatchObject({ status: 200, body: "in the end" });
});

test("a body that is small and whole goes over a stream while a large one has its own connection", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const size = 3 * 1024 * 1024;
  const uploader = await openClient(edge);
  uploader.write(
    `POST /upload HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`,
  );
  uploader.write("u".repeat(size / 2));
  const upload = await worker.request("/upload");
  expect(upload.stream).toBe(0);

  const small = ask(edge, "/small", "POST", "s".repeat(10_000));
  const posted = await worker.request("/small");
  expect(posted.stream).toBeGreaterThan(0);
  expect(String(await posted.body)).toBe("s".repeat(10_000));
  await posted.answer("small");
  expect((await small).body).toBe("small");

  const dripped = exchangeRaw(
    edge.target,
    [
      "POST /dripped HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
      "3\r\nabc\r\n",
      "2\r\nde\r\n",
      "0\r\n\r\n",
    ],
    undefined,
    patientMs,
  );
  const collected = await worker.request("/dripped");
  expect(collected.stream).toBeGreaterThan(0);
  expect(String(await collected.body)).toBe("abcde");
  await collected.answer("dripped");
  expect(parse(await dripped).body).toBe("dripped");

  const answered = readAll(uploader, "x");
  uploader.write("u".repeat(size / 2));
  expect((await upload.body).equals(Buffer.alloc(size, "u"))).toBe(true);
  await upload.answer("x".repeat(10));
  expect((await answered).bytes).toBe(10);
  await isUnharmed(edge, worker);
});

test("a middling body that is whole has its own connection too, and may be aborted there alone", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const held = ask(edge, "/held");
  const stream = await worker.request("/held");
  const leaver = await openClient(edge);
  const body = "m".repeat(100_000);
  leaver.write(
    `PUT /put HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const put = await worker.request("/put");
  expect(put.stream).toBe(0);
  expect((await put.body).length).toBe(body.length);
  leaver.resetAndDestroy();
  await eventually("the abort", () => put.isAborted());
  await stream.answer("held");
  expect(await held).toMatchObject({ status: 200, body: "held" });
});

test("a worker that breaks the protocol loses the connection, and is tried again", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const [one, two] = [ask(edge, "/one", "POST", "1"), ask(edge, "/two", "POST", "2")];
  const breaks = await worker.request("/one");
  await worker.request("/two");
  breaks.say("\xff\xff\xff\xff");
  expect((await one).status).toBe(502);
  expect((await two).status).toBe(502);
  await warm(edge, worker);
});

test("what runs on a stream is listed with its worker, and is gone from the list at its end", async () => {
  await using the = await start();
  const { edge, worker } = the;
  const list = async (id: number) => {
    const found = nextEvent(
      edge.events,
      "message",
      (message) => message.type === "requests" && message.id === id,
      patientMs,
    );
    edge.send({ type: "list-requests", id });
    const [message] = await found;
    return message.type === "requests" ? message.requests : [];
  };
  const answers = [ask(edge, "/one"), ask(edge, "/two")];
  const running = [await worker.request("/one"), await worker.request("/two")];
  const found = (await list(1)).toSorted((a, b) => a.url.localeCompare(b.url));
  expect(found).toMatchObject(
    ["/one", "/two"].map((path) => ({
      state: "running",
      app: shop,
      servedBy: "shop-1.1",
      url: expect.stringContaining(path),
    })),
  );
  for (const request of running) await request.answer("done");
  await Promise.all(answers);
  await eventually("an empty list", async () => (await list(2)).length === 0);
  await eventually("nothing in flight", () => {
    const metrics = edge.metrics()?.apps[shop];
    return metrics?.queue === 0 && metrics.inFlight === 0;
  });
});

test("all threads have streams to one worker, and its slots are for all of them", async () => {
  await using edge = await startEdge({ threads: 2 });
  const held: StreamRequest[] = [];
  await using worker = await startSharedWorker(edge.folder, {
    capacity: 3,
    handle: (request) => void held.push(request),
  });
  await edge.arbiter(shop, [worker.record]);
  const asked = 60;
  const answers = Array.from({ length: asked }, (_, index) => ask(edge, `/${index}`));
  for (let served = 0; served < asked; served += 1) {
    const request = await eventually("a request", () => held.shift());
    expect(held.length).toBeLessThan(3);
    await request.answer(request.path);
  }
  for (const [index, answer] of answers.entries()) {
    expect(await answer).toMatchObject({ status: 200, body: `/${index}` });
  }
});

/** All that is left of an answer, read now: how much body, and how much of it is not made of this letter. */
async function readAll(client: Socket, letter: string) {
  let head = "";
  let bytes = 0;
  let strangers = 0;
  let inBody = false;
  const code = letter.charCodeAt(0);
  const takeBody = (piece: Buffer): void => {
    bytes += piece.length;
    for (const byte of piece) if (byte !== code) strangers += 1;
  };
  client.on("data", (piece: Buffer) => {
    if (inBody) {
      takeBody(piece);
      return;
    }
    head += piece.toString("latin1");
    const at = head.indexOf("\r\n\r\n");
    if (at < 0) return;
    inBody = true;
    takeBody(Buffer.from(head.slice(at + 4), "latin1"));
    head = head.slice(0, at);
  });
  client.resume();
  if (!client.readableEnded) await once(client, "end");
  return { head, bytes, strangers };
}

function unchunk(body: string): string {
  let text = "";
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, end), 16);
    text += body.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
  return text;
}

/** Every thread of the process. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) =>
    /\) T /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, "latin1")),
  );
}

/** Established connections of this port that have something to be read. */
function unreadSockets(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address = "", , state, queues = ""]) => {
      return address.endsWith(local) && state === "01" && !queues.endsWith(":00000000");
    }).length;
}
