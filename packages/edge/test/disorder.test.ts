/** Clients and workers that behave in every bad way at once: nothing may hang, leak or be miscounted. */
import { connect } from "node:net";
import { eventually, exchangeRaw } from "@stack/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type EdgeProcess, startEdge } from "./edge-process.ts";
import { type FakeWorker, startWorker, type WorkerRequest } from "./fake-worker.ts";
import { randomFrom } from "./fixtures/random-from.ts";

const app = "shop";

const get = (path: string, fields = "Connection: close\r\n", method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;

async function misbehave(request: WorkerRequest, dice: number): Promise<void> {
  switch (dice) {
    case 0:
      return request.die();
    case 1:
      request.head("200 OK\r\nContent-Length: 100000\r\n");
      await request.write("x".repeat(50_000));
      return request.die();
    case 2:
      return request.fail();
    case 3:
      return request.head("not a head\r\n");
    case 4:
      request.head("200 OK\r\n");
      await request.write("y".repeat(300_000));
      return request.end();
    default:
      await request.body;
      return await request.answer("fine");
  }
}

/** One client with one habit; resolves when its connection has ended. */
function client(edge: EdgeProcess, dice: number): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(edge.target);
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => {
      received += piece;
      if (dice === 1) socket.resetAndDestroy(); // has seen enough
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
    socket.on("connect", () => {
      if (dice === 0) {
        socket.write(get("/gone"), () => socket.resetAndDestroy());
      } else if (dice === 2) {
        socket.write(get("/upload", "Content-Length: 200000\r\n", "PUT"));
        socket.write("z".repeat(100_000), () => socket.resetAndDestroy());
      } else if (dice === 3) {
        socket.write(get("/half"));
        socket.end();
      } else if (dice === 4) {
        socket.write(get("/one", "") + get("/two", "") + get("/three"));
      } else if (dice === 5) {
        socket.write(
          `${get("/put", "Content-Length: 100000\r\nConnection: close\r\n", "PUT")}${"z".repeat(100_000)}`,
        );
      } else {
        socket.write(get("/plain"));
      }
    });
  });
}

test("after any disorder every connection has ended and all books are back to zero", async () => {
  await using edge = await startEdge({ threads: 2 });
  const random = randomFrom(20_261_122);
  const workers: FakeWorker[] = [];
  for (let index = 1; index <= 3; index += 1) {
    workers.push(
      await startWorker(
        edge.folder,
        (request) => misbehave(request, random(12)),
        `shop-1.${index}`,
      ),
    );
  }
  const arbiter = await edge.arbiter(
    app,
    workers.map(({ record }) => record),
  );
  for (let round = 0; round < 8; round += 1) {
    const clients = Array.from({ length: 60 }, () => client(edge, random(8)));
    if (round === 3) {
      // One worker is killed and replaced in the midst of it.
      const [victim] = workers.splice(0, 1);
      victim?.kill();
      if (victim !== undefined) arbiter.send({ type: "worker-gone", key: victim.record.key });
      const fresh = await startWorker(
        edge.folder,
        (request) => misbehave(request, random(12)),
        "shop-1.9",
      );
      workers.push(fresh);
      arbiter.up(fresh.record);
    }
    for (const received of await Promise.all(clients)) {
      expect(received).toMatch(/^$|^HTTP\/1\.1 (200|500|502) /);
    }
  }
  await eventually("the books to be at zero", () => {
    const metrics = edge.metrics();
    const books = metrics?.apps[app];
    return metrics?.connections === 0 && books?.queue === 0 && books.inFlight === 0;
  });
  expect(edge.child.exitCode).toBeNull();
  expect(edge.output()).not.toMatch(
    /a connection failed|a step of the edge failed|thread \d ended/,
  );
  // No slot was lost: every worker still gets its drain confirmed and requests are still answered.
  expect(await exchangeRaw(edge.target, [get("/fixed")])).toMatch(/fixed\n$/);
  const drained = new Set<string>();
  arbiter.events.on("message", (message) => {
    if (message.type === "worker-drained") drained.add(message.key);
  });
  for (const { record } of workers) arbiter.send({ type: "worker-drain", key: record.key });
  await eventually("all workers to be drained", () => drained.size === workers.length);
  for (const worker of workers) await worker[Symbol.asyncDispose]();
});

test("however its bytes are cut, a stream of requests gives the same answers", async () => {
  await using edge = await startEdge({ threads: 1 });
  await using worker = await startWorker(edge.folder, async (request) =>
    request.answer(`${request.env.get("PATH_INFO")}:${(await request.body).toString("latin1")}|`),
  );
  await edge.arbiter(app, [worker.record]);
  const stream = [
    get("/a", ""),
    `${get("/b", "Content-Length: 11\r\n", "POST")}hello\r\n\r\nbo`,
    `${get("/c", "Transfer-Encoding: chunked\r\n", "POST")}3\r\nabc\r\n5;x=y\r\nGET /\r\n0\r\nX: y\r\n\r\n`,
    `\r\n${get("/fixed", "")}`,
    get("/d"),
  ].join("");
  const bodies = (text: string) => text.replace(/HTTP\/1\.1 [\s\S]*?\r\n\r\n/g, "");
  const whole = bodies(await exchangeRaw(edge.target, [stream]));
  expect(whole).toBe("/a:|/b:hello\r\n\r\nbo|/c:abcGET /|fixed\n/d:|");
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 12 }),
      async (cuts) => {
        const at = [0, ...cuts.toSorted((left, right) => left - right), stream.length];
        const pieces = at.slice(1).map((end, index) => stream.slice(at[index], end));
        expect(bodies(await exchangePiecewise(edge, pieces))).toBe(whole);
      },
    ),
    { numRuns: 60 },
  );
});

/** Each piece leaves only when the one before it has: they arrive apart. */
function exchangePiecewise(edge: EdgeProcess, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect({ ...edge.target, noDelay: true });
    socket.setEncoding("latin1").on("data", (piece: string) => {
      received += piece;
    });
    socket.on("error", reject);
    socket.on("end", () => resolve(received));
    const next = (index: number): void => {
      const piece = pieces[index];
      if (piece !== undefined) socket.write(piece, "latin1", () => setImmediate(next, index + 1));
    };
    next(0);
  });
}
