/** Health checks of a live worker: what is a failure, and what is only a worker at work. */
import { createServer } from "node:http";
import { join } from "node:path";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import type { HealthAnswer } from "../src/core/health-tally.ts";
import { watchHealth } from "../src/io/health-watch.ts";

interface Answers {
  readonly asked: () => number;
  readonly healthy: () => number;
  readonly failed: readonly HealthAnswer[];
  readonly unhealthy: readonly HealthAnswer[];
}

/** A server that answers the nth check with the nth status; null is never answered. */
async function watchServer(
  statuses: readonly (number | null)[],
  patienceMs: number,
): Promise<Answers & AsyncDisposable> {
  const folder = tempFolder();
  const path = join(folder.path, "w.sock");
  let asked = 0;
  let healthy = 0;
  const failed: HealthAnswer[] = [];
  const unhealthy: HealthAnswer[] = [];
  const server = createServer((request, response) => {
    const status = statuses[Math.min(asked, statuses.length - 1)];
    asked += 1;
    expect([request.method, request.url, request.headers.host]).toEqual([
      "GET",
      "/ping",
      "localhost",
    ]);
    if (typeof status === "number") response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const watch = watchHealth(
    { protocol: "http", address: `unix:${path}`, capacity: 1 },
    {
      path: "/ping",
      patienceMs,
      everyMs: 20,
      onHealthy: () => {
        healthy += 1;
      },
      onFailed: (answer) => failed.push(answer),
      onUnhealthy: (answer) => unhealthy.push(answer),
    },
  );
  return {
    asked: () => asked,
    healthy: () => healthy,
    failed,
    unhealthy,
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

test("a worker that is not healthy yet is asked until it is", async () => {
  await using watch = await watchServer([503, 503, 503, 503, 200], 5_000);

  await eventually("the first good answer", () => watch.healthy() === 1);

  expect(watch.failed).toHaveLength(4);
  expect(watch.unhealthy).toEqual([]);
});

test("three bad answers in a row are too many, two are not", async () => {
  await using watch = await watchServer([200, 500, 500, 200, 500, 404, 500], 5_000);

  await eventually("a verdict", () => watch.unhealthy.length === 1);

  expect(watch.asked()).toBe(7);
  expect(watch.unhealthy).toEqual([{ kind: "status", status: 500 }]);
});

test("silence for longer than a request may take is too much at once", async () => {
  await using watch = await watchServer([200, null], 2_000);

  await eventually("a verdict", () => watch.unhealthy.length === 1);

  expect(watch.asked()).toBe(2);
  expect(watch.unhealthy[0]?.kind).toBe("silent");
});
