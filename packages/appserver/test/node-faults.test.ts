/** Real Node workers whose requests fail where no handler's promise shows it. */
import { fileURLToPath } from "node:url";
import { eventually, exchangeRaw, nextEvent } from "@stack/testkit";
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { type Bench, nodePlan, openBench, startReady } from "./run-arbiter-process.ts";

const entry = fileURLToPath(new URL("./fixtures/faults.mjs", import.meta.url));

async function openReady() {
  const bench = await openBench();
  await startReady(bench, nodePlan(bench, { entry, workers: 1 }));
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");
  const socket = { path: worker.address.slice("unix:".length) };
  return { bench, worker, socket, [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose]() };
}

/** Its successor is there, and the log has what `lastExit` only names. */
async function untilReplaced(bench: Bench, reason: string, inLog: RegExp): Promise<void> {
  const state = await bench.stackd.untilState("replaced", (now) => {
    const [first] = now.workers;
    return now.state === "ready" && first?.lastExit !== null;
  });
  expect(state.workers[0]?.lastExit).toMatchObject({ reason });
  await eventually("the stack in the log", () => inLog.test(bench.output()));
}

test.for([
  ["/listener", "uncaught exception", "the listener"],
  ["/timer", "uncaught exception", "a timer"],
  ["/promise", "unhandled rejection", "a promise"],
  ["/leaves", "uncaught exception", "an app that leaves"],
] as const)(
  "%s: %s is answered at once, named in the log, and its worker replaced",
  async ([path, kind, what]) => {
    await using served = await openReady();

    expect(await ask(served.worker, path)).toEqual({
      status: 500,
      body: "Internal Server Error\n",
    });

    const inLog = new RegExp(`${kind} in GET ${path}: Error: failed in ${what}\n.*faults\\.mjs:`);
    await untilReplaced(served.bench, kind, inLog);
  },
);

test("an exception while the body arrives belongs to its request", async () => {
  await using served = await openReady();
  const head = "POST /body HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n";

  const answer = await exchangeRaw(served.socket, [head, "hello"], (text) =>
    text.endsWith("0\r\n\r\n"),
  );

  expect(answer).toMatch(/^HTTP\/1\.1 500 /);
  await untilReplaced(served.bench, "uncaught exception", /uncaught exception in POST \/body: /);
});

test("an answer that has begun is cut off, never ended as if it were whole", async () => {
  await using served = await openReady();

  const answer = await exchangeRaw(served.socket, ["GET /begun HTTP/1.1\r\nHost: a.test\r\n\r\n"]);

  expect(answer).toMatch(/the first half\r\n$/);
  await untilReplaced(served.bench, "uncaught exception", /in GET \/begun: /);
});

test("an upgrade that fails before its answer costs its connection", async () => {
  await using served = await openReady();
  const upgrade =
    "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

  expect(await exchangeRaw(served.socket, [upgrade])).toBe("");

  await untilReplaced(served.bench, "uncaught exception", /in GET \/ws: Error: failed in an upgr/);
});

test("requests beside the one at fault finish before their worker ends", async () => {
  await using served = await openReady();
  const { bench, worker } = served;
  bench.edge.answersDrains = false;
  const asked = nextEvent(bench.edge.events, "message", (m) => m.type === "worker-drain");
  const held = ask(worker, "/held");
  await eventually("it to be held", () => bench.output().includes("held"));

  expect((await ask(worker, "/timer")).status).toBe(500);
  await asked;
  await ask(worker, "/free");

  expect(await held).toEqual({ status: 200, body: "finished" });
  bench.edge.send({ type: "worker-drained", key: worker.key });
  await untilReplaced(bench, "uncaught exception", /in GET \/timer: /);
});
