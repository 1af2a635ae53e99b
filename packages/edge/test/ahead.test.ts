/**
 * Requests sent to a worker that is still busy: only safe ones, only behind quick ones while many wait,
 * and given to others when the worker turns out not to be free soon.
 *
 * Whether the request before was quick is the machine's affair too: the edge's clock goes slowly where one
 * must be, and what must be seen is tried until it was.
 */
import { connect } from "node:net";
import { eventually, exchangeRaw } from "@stack/testkit";
import { expect, test } from "vitest";
import { type EdgeProcess, startEdge } from "./edge-process.ts";
import { type FakeWorker, startWorker, type WorkerRequest } from "./fake-worker.ts";

const mostRounds = 40;
const slowClock = ["--import", new URL("./fixtures/slow-clock.mjs", import.meta.url).href];

interface Answer {
  readonly path: string;
  readonly status: number;
  readonly text: string;
}

async function ask(edge: EdgeProcess, method: string, path: string): Promise<Answer> {
  const request = `${method} ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`;
  const text = await exchangeRaw(edge.target, [request], undefined, 60_000);
  return { path, status: Number(text.split(" ")[1]), text };
}

async function queued(edge: EdgeProcess, count: number): Promise<void> {
  await eventually(`${count} to wait`, () => edge.metrics()?.apps["shop"]?.queue === count);
}

/** Answers /quick soon; /held waits for the test. */
async function startQuickWorker(
  edge: EdgeProcess,
  id: string,
  onAhead?: (worker: FakeWorker, path: string) => void,
) {
  const held: WorkerRequest[] = [];
  const worker = await startWorker(
    edge.folder,
    async (request) => {
      if (request.env.get("REQUEST_URI") === "/held") {
        held.push(request);
        return;
      }
      await new Promise(setImmediate); // so that it sees what came meanwhile
      await request.answer(id);
    },
    id,
    (path) => onAhead?.(worker, path),
  );
  return {
    worker,
    /** Answers what is held, once it has come. */
    async release(): Promise<void> {
      await eventually("the held request", () => held.length > 0);
      await held.shift()?.answer("held");
    },
    isHolding: () => held.length > 0,
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

/**
 * Three rounds of the queue, in this order: one that is held, quick ones, one that is held again, and
 * `last`. The first is released: the quick ones run, and the second is the one the rest is behind.
 */
async function fill(
  edge: EdgeProcess,
  held: { readonly isHolding: () => boolean; readonly release: () => Promise<void> },
  last: readonly (readonly [method: string, path: string])[],
): Promise<{ readonly second: Promise<Answer>; readonly rest: readonly Promise<Answer>[] }> {
  const first = ask(edge, "GET", "/held");
  await eventually("the first to be held", held.isHolding);
  const quick = [1, 2, 3, 4].map(() => ask(edge, "GET", "/quick"));
  await queued(edge, quick.length);
  const second = ask(edge, "POST", "/held");
  await queued(edge, quick.length + 1);
  const rest = last.map(([method, path]) => ask(edge, method, path));
  await queued(edge, quick.length + 1 + last.length);
  await held.release();
  await Promise.all([first, ...quick]);
  await eventually("the second to be held", held.isHolding);
  return { second, rest };
}

const gets = ["/x1", "/x2", "/x3"].map((path) => ["GET", path] as const);

test("what waits behind a worker that takes long is taken back, and whoever is free has it", async () => {
  for (let round = 0; round < mostRounds; round += 1) {
    await using edge = await startEdge({ threads: 1, nodeOptions: slowClock });
    await using first = await startQuickWorker(edge, "shop-1.1");
    const arbiter = await edge.arbiter("shop", [first.worker.record]);
    const { second, rest } = await fill(edge, first, gets);
    const wasAhead = first.worker.sentAhead().some((path) => path.startsWith("/x"));
    if (wasAhead) await eventually("it to be taken back", () => first.worker.takenBack() > 0);

    await using other = await startQuickWorker(edge, "shop-1.2");
    arbiter.up(other.worker.record);
    for (const { status, text } of await Promise.all(rest)) {
      expect([status, text.endsWith("shop-1.2")]).toEqual([200, true]);
    }
    expect(first.isHolding()).toBe(true);
    await first.release();
    expect((await second).text).toContain("held");
    if (wasAhead) return;
  }
  throw new Error("nothing was ever sent ahead");
}, 300_000);

test("what was sent ahead is served in its turn when the worker comes free", async () => {
  await using edge = await startEdge({ threads: 1, nodeOptions: slowClock });
  await using only = await startQuickWorker(edge, "shop-1.1");
  await edge.arbiter("shop", [only.worker.record]);
  let asked = 0;
  await eventually("a request to be sent ahead", async () => {
    const batch = Array.from({ length: 64 }, () => ask(edge, "GET", "/quick"));
    asked += batch.length;
    for (const { status, text } of await Promise.all(batch)) {
      expect([status, text.endsWith("shop-1.1")]).toEqual([200, true]);
    }
    return only.worker.sentAhead().length > only.worker.takenBack();
  });
  await queued(edge, 0);
  expect(only.worker.count() - only.worker.takenBack()).toBeGreaterThanOrEqual(asked);
});

test("what may not be sent twice, and what has few behind it, waits at the edge", async () => {
  for (const last of [
    [
      ["POST", "/x1"],
      ["POST", "/x2"],
      ["POST", "/x3"],
    ],
    [["GET", "/x1"]],
  ] as const) {
    await using edge = await startEdge();
    await using only = await startQuickWorker(edge, "shop-1.1");
    await edge.arbiter("shop", [only.worker.record]);
    const { second, rest } = await fill(edge, only, last);
    await queued(edge, last.length);
    expect(only.worker.sentAhead()).not.toContain("/x1");
    await only.release();
    for (const { status } of await Promise.all([second, ...rest])) expect(status).toBe(200);
  }
});

test("a worker that does not say so gets nothing ahead", async () => {
  await using edge = await startEdge();
  await using worker = await startWorker(edge.folder, (request) => request.answer("x"));
  await edge.arbiter("shop", [worker.record]);
  const batch = Array.from({ length: 200 }, () => ask(edge, "GET", "/quick"));
  for (const { status } of await Promise.all(batch)) expect(status).toBe(200);
  expect(worker.sentAhead()).toEqual([]);
});

test("a worker that dies takes nothing with it that it had not begun", async () => {
  for (let round = 0; round < mostRounds; round += 1) {
    await using edge = await startEdge({ threads: 1, nodeOptions: slowClock });
    let diedAhead = false;
    await using dying = await startQuickWorker(edge, "shop-1.1", (worker, path) => {
      if (!path.startsWith("/x")) return;
      diedAhead = true;
      worker.kill();
    });
    const arbiter = await edge.arbiter("shop", [dying.worker.record]);
    const { second, rest } = await fill(edge, dying, gets);
    if (!diedAhead) dying.worker.kill();
    await using other = await startQuickWorker(edge, "shop-1.2");
    arbiter.send({ type: "worker-gone", key: dying.worker.record.key });
    arbiter.up(other.worker.record);
    expect((await second).status).toBe(502);
    for (const { status, text } of await Promise.all(rest)) {
      expect([status, text.endsWith("shop-1.2")]).toEqual([200, true]);
    }
    if (diedAhead) return;
  }
  throw new Error("nothing was ever sent ahead");
}, 300_000);

test("clients that leave cost the others nothing", async () => {
  await using edge = await startEdge();
  await using only = await startQuickWorker(edge, "shop-1.1");
  await edge.arbiter("shop", [only.worker.record]);
  for (let round = 0; round < 20; round += 1) {
    const staying = Array.from({ length: 32 }, () => ask(edge, "GET", "/quick"));
    for (let index = 0; index < 32; index += 1) {
      const socket = connect(edge.target);
      socket.on("error", () => {});
      socket.once("connect", () => {
        socket.write("GET /quick HTTP/1.1\r\nHost: a.test\r\n\r\n", () => socket.resetAndDestroy());
      });
    }
    for (const { status } of await Promise.all(staying)) expect(status).toBe(200);
  }
  await queued(edge, 0);
  expect((await ask(edge, "GET", "/quick")).status).toBe(200);
});
