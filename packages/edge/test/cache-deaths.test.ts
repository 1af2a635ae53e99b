/** What dies while answers are on their way or kept: a thread of the edge, the thread of its store. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { eventually, nextEvent, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { type CachedEdge, fresh, startCached } from "./fixtures/cached.ts";
import { threadSteps } from "./fixtures/thread-steps.ts";

interface Client {
  readonly socket: Socket;
  readonly received: () => string;
}

async function ask(cached: CachedEdge, path: string): Promise<Client> {
  const socket = connect(cached.edge.target).setEncoding("latin1");
  let received = "";
  socket.on("data", (text: string) => {
    received += text;
  });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return { socket, received: () => received };
}

interface Scene extends AsyncDisposable {
  readonly cached: CachedEdge;
  readonly responses: readonly ServerResponse[];
  /** They wait on the other thread. */
  readonly others: readonly Client[];
  /** The thread that fetches dies. */
  readonly die: () => Promise<void>;
}

/** One thread asks for an answer, clients on the other wait for it. */
async function whileFilling(before: (response: ServerResponse) => void): Promise<Scene> {
  const steps = threadSteps("hold-0", "free", "hold-1", "free", "kill-1");
  const cached = await startCached({ threads: 2, nodeOptions: steps.nodeOptions });
  const { edge } = cached;
  const responses: ServerResponse[] = [];
  cached.on("/filled", (_request, response) => {
    responses.push(response);
    if (responses.length === 1) before(response);
  });
  await steps.next(edge);
  const first = await ask(cached, "/filled");
  await eventually("the request", () => responses.length === 1);
  await steps.next(edge);
  await steps.next(edge);
  const others = await Promise.all(Array.from({ length: 16 }, () => ask(cached, "/filled")));
  await eventually("all to wait", () => edge.metrics()?.connections === 1 + others.length);
  await steps.next(edge);
  return {
    cached,
    responses,
    others,
    async die() {
      const degraded = nextEvent(edge.events, "message", ({ type }) => type === "edge-degraded");
      await steps.next(edge);
      await degraded;
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of [first, ...others]) socket.destroy();
      await cached[Symbol.asyncDispose]();
    },
  };
}

test("when the thread that fetches dies, one of those that wait on another asks at once", async () => {
  await using scene = await whileFilling(() => {});
  const { responses, others } = scene;
  await scene.die();
  await eventually("the next request", () => responses.length === 2);
  responses[1]?.writeHead(200, { "Cache-Control": "max-age=60" }).end("there");
  await eventually("all answers", () =>
    others.every((one) => /there(?:\r\n0\r\n\r\n)?$/.test(one.received())),
  );
  expect(responses.length).toBe(2);
});

test("when it dies amid the answer, those that have its beginning are cut off, and it is not kept", async () => {
  await using scene = await whileFilling((response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60", "Content-Length": "10" });
    response.write("01234");
  });
  const { cached, responses, others } = scene;
  await eventually("its beginning", () => others.every((one) => one.received().endsWith("01234")));
  await scene.die();
  await eventually("all ends", () => others.every(({ socket }) => socket.destroyed));
  for (const { received } of others) expect(received()).toMatch(/\r\n\r\n01234$/);
  const whole = cached.get("/filled");
  await eventually("another request", () => responses.length === 2);
  responses[1]?.writeHead(200, { "Cache-Control": "max-age=60" }).end("0123456789");
  expect((await whole).text).toBe("0123456789");
});

test("when the thread of the embedded store dies, requests go on and another takes its place", async () => {
  using folder = tempFolder();
  const store = { kind: "embedded", folder: join(folder.path, "cache"), bytes: 2 ** 24 } as const;
  await using cached = await startCached({
    threads: 2,
    nodeOptions: ["--import", new URL("./fixtures/store-killer.mjs", import.meta.url).href],
    plan: { cache: { memoryBytes: 8 * 1024 * 1024, store, purgeOnRelease: false } },
  });
  const stored = async () => {
    const answered = nextEvent(
      cached.edge.events,
      "message",
      ({ type }) => type === "cache-answer",
    );
    cached.edge.send({ type: "cache", id: 1, order: { kind: "stats" } });
    const [message] = await answered;
    const { answer } = message as {
      answer: { stats?: { store: { available: boolean; records: number } } };
    };
    return answer.stats?.store;
  };
  cached.on("/before", fresh("before"));
  await cached.get("/before");
  await eventually("it in the file", async () => (await stored())?.records === 1);

  cached.edge.child.kill("SIGUSR2");
  await eventually("the end of it", async () => (await stored())?.available === false);
  cached.on("/during", fresh("during"));
  expect((await cached.get("/during")).text).toBe("during");
  expect((await cached.get("/before")).cache).toMatch(/hit/);

  await eventually("the next one", async () => (await stored())?.available === true);
  cached.on("/after", fresh("after"));
  await cached.get("/after");
  await eventually(
    "what came since in the file",
    async () => ((await stored())?.records ?? 0) >= 2,
  );
}, 60_000);
