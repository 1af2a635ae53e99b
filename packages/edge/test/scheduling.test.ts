/** Which worker gets which request, and what becomes of those that wait or lose theirs. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { eventually, exchangeRaw, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { app, type EdgeProcess, startEdge } from "./edge-process.ts";
import { type FakeWorker, startWorker, type WorkerRequest } from "./fake-worker.ts";

const shop = "shop";
const get = (path: string, fields = "Connection: close\r\n", method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;

async function ask(
  edge: EdgeProcess,
  path: string,
  method = "GET",
): Promise<{ status: number; text: string }> {
  const text = await exchangeRaw(edge.target, [get(path, undefined, method)], undefined, 30_000);
  return { status: Number(text.split(" ")[1]), text };
}

/** A worker whose requests the test answers by hand. */
async function manual(edge: EdgeProcess, id = "shop-1.1") {
  const requests: WorkerRequest[] = [];
  const worker = await startWorker(edge.folder, (request) => void requests.push(request), id);
  return {
    worker,
    requests,
    /** The n-th request, counted from 0, once it has come. */
    async request(index: number): Promise<WorkerRequest> {
      return await eventually(`request ${index}`, () => requests[index]);
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

/** Opens a connection and sends a request on it; says what came back so far. */
async function send(
  edge: EdgeProcess,
  text: string,
): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(edge.target);
  let all = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    all += piece;
  });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(text);
  return { socket, received: () => all };
}

/** As the metrics of each second tell it. */
async function queued(edge: EdgeProcess, count: number): Promise<void> {
  await eventually(`${count} to wait`, () => edge.metrics()?.apps[shop]?.queue === count);
}

async function linked(worker: FakeWorker, threads: number): Promise<void> {
  await eventually("all threads to be linked", () => worker.connections() === threads);
}

test("requests that wait are served in the order they came, over all threads", async () => {
  await using edge = await startEdge({ threads: 2 });
  await using held = await manual(edge);
  await edge.arbiter("shop", [held.worker.record]);
  const clients: Awaited<ReturnType<typeof send>>[] = [];
  clients.push(await send(edge, get("/0")));
  await held.request(0);
  for (let index = 1; index <= 5; index += 1) {
    clients.push(await send(edge, get(`/${index}`)));
    await queued(edge, index);
  }
  for (let index = 0; index <= 5; index += 1) {
    const request = await held.request(index);
    expect(request.env.get("PATH_INFO")).toBe(`/${index}`);
    await request.answer(`${index}`);
  }
  await queued(edge, 0);
});

test("a request waits while its app has no worker, and is served when one comes", async () => {
  await using edge = await startEdge();
  const answer = ask(edge, "/early");
  await queued(edge, 1);
  await using worker = await startWorker(edge.folder, (request) => request.answer("late but here"));
  await edge.arbiter("shop", [worker.record]);
  expect((await answer).text).toContain("late but here");
});

test("beyond its bound the queue refuses with 503 and Retry-After", async () => {
  await using edge = await startEdge({ plan: { apps: { shop: { ...app, queueLimit: 3 } } } });
  const waiting = [ask(edge, "/1"), ask(edge, "/2"), ask(edge, "/3")];
  await queued(edge, 3);
  const refused = await ask(edge, "/4");
  expect(refused.status).toBe(503);
  expect(refused.text).toMatch(/\r\nRetry-After: \d+\r\n/);
  await using worker = await startWorker(edge.folder, (request) => request.answer("ok"));
  await edge.arbiter("shop", [worker.record]);
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test("who waits too long gets 503 and Retry-After", async () => {
  await using edge = await startEdge({ plan: { apps: { shop: { ...app, queueTimeoutMs: 300 } } } });
  const refused = await ask(edge, "/");
  expect(refused.status).toBe(503);
  expect(refused.text).toMatch(/\r\nRetry-After: \d+\r\n/);
  await queued(edge, 0);
});

test("an app that was stopped is waited for by nobody", async () => {
  await using edge = await startEdge({ threads: 2 });
  const waiting = [ask(edge, "/1"), ask(edge, "/2")];
  await queued(edge, 2);
  await edge.configure({ apps: { shop: { ...app, stopped: true } } });
  const refused = [...(await Promise.all(waiting)), await ask(edge, "/3")];
  for (const { status, text } of refused) {
    expect(status).toBe(503);
    expect(text).toMatch(/\r\nRetry-After: \d+\r\n/);
    expect(text).toContain("shop is stopped");
  }
  await queued(edge, 0);

  await edge.configure({ apps: { shop: app } });
  const answer = ask(edge, "/4");
  await queued(edge, 1);
  await using worker = await startWorker(edge.folder, (request) => request.answer("back"));
  await edge.arbiter("shop", [worker.record]);
  expect((await answer).text).toContain("back");
});

test.each([
  ["by a reset", (socket: Socket) => socket.resetAndDestroy()],
  ["by an end", (socket: Socket) => socket.end()],
] as const)("a client that leaves %s while it waits gives up its place", async (_how, leave) => {
  await using edge = await startEdge();
  await using held = await manual(edge);
  await edge.arbiter("shop", [held.worker.record]);
  const answer = ask(edge, "/first");
  const first = await held.request(0);
  const leaver = await send(edge, get("/leaves"));
  await queued(edge, 1);
  leave(leaver.socket);
  await queued(edge, 0);
  const next = ask(edge, "/next");
  await queued(edge, 1);
  await first.answer("1");
  const served = await held.request(1);
  expect(served.env.get("PATH_INFO")).toBe("/next");
  await served.answer("2");
  expect((await answer).status).toBe(200);
  expect((await next).status).toBe(200);
});

test("every worker takes its share", async () => {
  await using edge = await startEdge({ threads: 2 });
  const workers: FakeWorker[] = [];
  for (let index = 1; index <= 4; index += 1) {
    workers.push(
      await startWorker(edge.folder, (request) => request.answer("x"), `shop-1.${index}`),
    );
  }
  await edge.arbiter(
    "shop",
    workers.map(({ record }) => record),
  );
  for (const worker of workers) await linked(worker, 2);
  const total = 2_000;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const text = get("/", "").repeat(total / 8 - 1) + get("/");
      const received = await exchangeRaw(edge.target, [text], undefined, 20_000);
      expect(received.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(total / 8);
    }),
  );
  for (const worker of workers) expect(worker.count()).toBeGreaterThan(total * 0.2);
  expect(workers.reduce((sum, worker) => sum + worker.count(), 0)).toBe(total);
  await eventually("the metrics to count them", () => {
    const counted = edge.metrics()?.apps[shop]?.workers;
    return (
      counted !== undefined && workers.every(({ record, count }) => counted[record.key] === count())
    );
  });
  for (const worker of workers) await worker[Symbol.asyncDispose]();
});

test("a safe request whose worker dies is replayed once on another", async () => {
  await using edge = await startEdge();
  await using dying = await startWorker(edge.folder, () => dying.kill(), "shop-1.1");
  const arbiter = await edge.arbiter("shop", [dying.record]);
  const answer = ask(edge, "/safe");
  await eventually("the first worker to have it", () => dying.count() === 1);
  await using living = await startWorker(
    edge.folder,
    (request) => request.answer("second"),
    "shop-1.2",
  );
  arbiter.send({ type: "worker-gone", key: dying.record.key });
  arbiter.up(living.record);
  expect((await answer).text).toContain("second");
  const line =
    "shop-1.1 did not finish GET http://a.test/safe for 127.0.0.1: its connection ended; tried once more";
  await eventually("the log", () => edge.output().includes(line));
});

test("a client that leaves while its request waits for another worker is in flight no more", async () => {
  await using edge = await startEdge();
  await using dying = await startWorker(edge.folder, () => dying.kill(), "shop-1.1");
  await edge.arbiter(shop, [dying.record]);
  const leaver = await send(edge, get("/safe"));
  await eventually("the worker to have it", () => dying.count() === 1);
  await queued(edge, 1);
  expect(edge.metrics()?.apps[shop]?.inFlight).toBe(1);
  leaver.socket.resetAndDestroy();

  await queued(edge, 0);

  expect(edge.metrics()?.apps[shop]?.inFlight).toBe(0);
});

test("a request whose second worker dies as well is a 502", async () => {
  await using edge = await startEdge();
  await using one = await startWorker(edge.folder, (request) => request.die(), "shop-1.1");
  await using two = await startWorker(edge.folder, (request) => request.die(), "shop-1.2");
  await edge.arbiter("shop", [one.record, two.record]);
  expect((await ask(edge, "/kills-workers")).status).toBe(502);
  expect(one.count() + two.count()).toBe(2);
  const line =
    "GET http://a.test/kills-workers for 127.0.0.1: its connection ended; answered with 502";
  await eventually("the log", () => edge.output().includes(line));
});

test("a POST whose worker dies is a 502, never sent twice", async () => {
  await using edge = await startEdge();
  await using dying = await startWorker(edge.folder, (request) => request.die(), "shop-1.1");
  await using living = await startWorker(
    edge.folder,
    (request) => request.answer("no"),
    "shop-1.2",
  );
  const arbiter = await edge.arbiter("shop", [dying.record]);
  await linked(dying, 2);
  const answer = ask(edge, "/unsafe", "POST");
  await eventually("the first worker to have it", () => dying.count() === 1);
  arbiter.up(living.record);
  expect((await answer).status).toBe(502);
  expect(living.count()).toBe(0);
});

test("a PUT with its body is replayed whole", async () => {
  await using edge = await startEdge();
  await using dying = await startWorker(edge.folder, async (request) => {
    await request.body;
    dying.kill();
  });
  const arbiter = await edge.arbiter("shop", [dying.record]);
  const body = "x".repeat(200_000);
  const answer = exchangeRaw(edge.target, [
    get("/put", `Content-Length: ${body.length}\r\nConnection: close\r\n`, "PUT") + body,
  ]);
  await eventually("the first worker to have it", () => dying.count() === 1);
  await using living = await startWorker(edge.folder, async (request) =>
    request.answer(String((await request.body).length)),
  );
  arbiter.up(living.record);
  expect(await answer).toMatch(/\r\n\r\n200000$/);
});

test("an app that takes too long is a 504 at once, and the arbiter is told which worker is stuck", async () => {
  await using edge = await startEdge({ plan: { apps: { shop: { ...app, timeoutMs: 300 } } } });
  await using held = await manual(edge);
  const arbiter = await edge.arbiter("shop", [held.worker.record]);
  const stuck = nextEvent(arbiter.events, "message", (message) => message.type === "worker-stuck");
  const answer = ask(edge, "/slow?x=1");
  const request = await held.request(0);
  expect((await answer).status).toBe(504);
  const [message] = await stuck;
  expect(message).toMatchObject({
    key: held.worker.record.key,
    request: { method: "GET", url: "http://a.test/slow?x=1", client: "127.0.0.1" },
  });
  await request.aborted;
});

test("a worker aborted by its client takes no request before it says it is ready", async () => {
  await using edge = await startEdge({ threads: 1 });
  let release = (): void => {};
  const log: string[] = [];
  await using worker = await startWorker(edge.folder, async (request) => {
    const path = request.env.get("PATH_INFO") ?? "";
    log.push(path);
    if (path !== "/abandoned") return await request.answer("ok");
    await request.aborted;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  worker.staysBusy = true; // as a WSGI app, which nothing can interrupt
  await edge.arbiter("shop", [worker.record]);
  const client = await send(edge, get("/abandoned"));
  await eventually("the worker to have it", () => log.length === 1);
  client.socket.resetAndDestroy();
  const next = ask(edge, "/next");
  await queued(edge, 1);
  expect(log).toEqual(["/abandoned"]);
  await eventually(
    "the abort to reach the worker",
    () => release !== undefined && worker.connections() === 1,
  );
  release();
  worker.becomeReady();
  expect((await next).status).toBe(200);
});

test("a draining worker gets nothing more, and is reported when it is done", async () => {
  await using edge = await startEdge();
  await using old = await manual(edge, "shop-1.1");
  const arbiter = await edge.arbiter("shop", [old.worker.record]);
  const running = ask(edge, "/running");
  const request = await old.request(0);
  const seen: string[] = [];
  arbiter.events.on("message", ({ type }) => {
    if (type !== "workers-load") seen.push(type); // that one comes every second
  });
  arbiter.send({ type: "worker-drain", key: old.worker.record.key });
  await using fresh = await startWorker(edge.folder, (other) => other.answer("fresh"), "shop-1.2");
  arbiter.up(fresh.record);
  for (let index = 0; index < 10; index += 1)
    expect((await ask(edge, "/")).text).toContain("fresh");
  expect(seen).toEqual([]);
  const drained = nextEvent(
    arbiter.events,
    "message",
    (message) => message.type === "worker-drained",
  );
  await request.answer("done");
  await drained;
  expect((await running).text).toContain("done");
  await eventually("the edge to close its connections", () => old.worker.connections() === 0);
});

test("an idle worker is drained at once, an unknown one as well", async () => {
  await using edge = await startEdge();
  await using held = await manual(edge);
  const arbiter = await edge.arbiter("shop", [held.worker.record]);
  for (const key of [held.worker.record.key, "shop-9.9@9.9"]) {
    const drained = nextEvent(
      arbiter.events,
      "message",
      (message) => message.type === "worker-drained" && message.key === key,
    );
    arbiter.send({ type: "worker-drain", key });
    await drained;
  }
});

test("GOAWAY: what runs is finished, then the connection is closed", async () => {
  await using edge = await startEdge();
  await using held = await manual(edge);
  await edge.arbiter("shop", [held.worker.record]);
  const running = ask(edge, "/");
  const request = await held.request(0);
  held.worker.goaway();
  await request.answer("finished");
  expect((await running).text).toContain("finished");
  await eventually("the connections to be closed", () => held.worker.connections() === 0);
  const waiting = ask(edge, "/");
  await queued(edge, 1);
  expect(held.requests).toHaveLength(1);
  await using fresh = await startWorker(edge.folder, (other) => other.answer("fresh"), "shop-1.2");
  await edge.arbiter("shop", [fresh.record]);
  expect((await waiting).text).toContain("fresh");
});

test("when an arbiter is lost its workers get nothing new, but finish what they have", async () => {
  await using edge = await startEdge();
  await using orphan = await manual(edge, "shop-1.1");
  const lost = await edge.arbiter("shop", [orphan.worker.record]);
  const running = ask(edge, "/running");
  const request = await orphan.request(0);
  lost.close();
  await using fresh = await startWorker(edge.folder, (other) => other.answer("fresh"), "shop-2.1");
  await edge.arbiter("shop", [fresh.record]);
  for (let index = 0; index < 10; index += 1)
    expect((await ask(edge, "/")).text).toContain("fresh");
  await request.answer("finished");
  expect((await running).text).toContain("finished");
});

test("a worker that breaks the protocol costs its request a 502, and is tried again", async () => {
  await using edge = await startEdge();
  let broken = true;
  await using worker = await startWorker(edge.folder, async (request) => {
    if (!broken) return await request.answer("ok");
    broken = false;
    request.head("nonsense\r\n");
  });
  await edge.arbiter("shop", [worker.record]);
  expect((await ask(edge, "/")).status).toBe(502);
  expect((await ask(edge, "/")).status).toBe(200);
});

test("what a worker is killed for gets the answer it is killed with, and is not tried elsewhere", async () => {
  await using edge = await startEdge({ threads: 2 });
  await using held = await manual(edge);
  await using other = await startWorker(
    edge.folder,
    (request) => request.answer("again"),
    "shop-1.2",
  );
  const arbiter = await edge.arbiter("shop", [held.worker.record]);
  const answer = ask(edge, "/grows");
  await held.request(0);
  arbiter.up(other.record);
  const told = nextEvent(
    arbiter.events,
    "message",
    (message) => message.type === "worker-drained" && message.key === held.worker.record.key,
  );

  const reason = "the application used too much memory";
  const { key } = held.worker.record;
  arbiter.send({ type: "worker-gone", key, answer: { status: 502, reason } });

  await told;
  expect((await answer).status).toBe(502);
  expect((await answer).text).toContain(reason);
  expect((await ask(edge, "/next")).text).toContain("again");
});

test("an arbiter hears every second how much its workers have answered", async () => {
  await using edge = await startEdge({ threads: 2 });
  await using worker = await startWorker(edge.folder, (request) => request.answer("ok"));
  const arbiter = await edge.arbiter("shop", [worker.record]);
  for (const path of ["/1", "/2", "/3"]) await ask(edge, path);
  await nextEvent(
    arbiter.events,
    "message",
    (message) =>
      message.type === "workers-load" && message.workers[worker.record.key]?.requests === 3,
  );
});
