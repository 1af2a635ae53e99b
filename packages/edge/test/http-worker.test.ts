/** Workers that speak HTTP and die: what their requests come to before anybody says they are gone. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { WorkerRecord } from "@stack/control";
import { eventually, exchangeRaw, startLoad } from "@stack/testkit";
import { expect, test } from "vitest";
import { type EdgeProcess, startEdge } from "./edge-process.ts";

/** Real servers take their time to start on a busy machine. */
const program = fileURLToPath(new URL("fixtures/http-worker.mjs", import.meta.url));
const shop = "shop";
const get = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`;

interface HttpWorker extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly record: WorkerRecord;
}

async function startHttpWorker(
  edge: EdgeProcess,
  number: number,
  manner = "",
): Promise<HttpWorker> {
  const path = join(edge.folder, `http-${number}.sock`);
  const child = spawn(process.execPath, [program, path, manner], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("no output");
  await once(child.stdout, "data");
  return {
    child,
    record: {
      key: `http-${number}`,
      id: `shop-1.${number}`,
      pid: child.pid ?? 0,
      generation: 1,
      protocol: "http",
      address: `unix:${path}`,
      capacity: 4,
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

test("requests of a killed worker go to another one, before anybody says that it is gone", async () => {
  await using edge = await startEdge({ threads: 2 });
  await using first = await startHttpWorker(edge, 1);
  await using second = await startHttpWorker(edge, 2);
  await edge.arbiter("shop", [first.record, second.record]);
  await using load = startLoad({ port: edge.port, path: "/", connections: 8 });
  await load.more(100);
  first.child.kill("SIGKILL");
  await load.more(300);
  expect((await load.stop()).failures).toEqual([]);
});

test("requests of the only worker wait until there is another, in the order they came", async () => {
  await using edge = await startEdge({ threads: 1 });
  await using first = await startHttpWorker(edge, 1, "hangs");
  const arbiter = await edge.arbiter("shop", [first.record]);
  const answers = Promise.all(
    Array.from({ length: 3 }, () => exchangeRaw(edge.target, [get("/")], undefined, 30_000)),
  );
  await eventually("three in flight", () => edge.metrics()?.apps[shop]?.inFlight === 3);
  first.child.kill("SIGKILL");
  await eventually("three to wait", () => edge.metrics()?.apps[shop]?.queue === 3);
  await using second = await startHttpWorker(edge, 2);
  arbiter.up(second.record);
  for (const answer of await answers) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
});

test("a request that may not be repeated is not sent to the worker that died under it, nor elsewhere", async () => {
  await using edge = await startEdge({ threads: 1 });
  await using first = await startHttpWorker(edge, 1, "hangs");
  await edge.arbiter("shop", [first.record]);
  const answer = exchangeRaw(edge.target, [
    "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
  ]);
  await eventually("it in flight", () => edge.metrics()?.apps[shop]?.inFlight === 1);
  first.child.kill("SIGKILL");
  expect(await answer).toMatch(/^HTTP\/1\.1 502 /);
});

test.for([
  [true, "1"],
  [false, "10"],
] as const)(
  "keepsConnections %s: ten POSTs take %s connections",
  async ([keepsConnections, expected]) => {
    await using edge = await startEdge({ threads: 1 });
    await using worker = await startHttpWorker(edge, 1);
    await edge.arbiter("shop", [{ ...worker.record, keepsConnections }]);
    const post =
      "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    let last = "";
    for (let round = 0; round < 10; round += 1) last = await exchangeRaw(edge.target, [post]);
    expect(/^X-Connections: (\d+)/im.exec(last)?.[1]).toBe(expected);
  },
);
