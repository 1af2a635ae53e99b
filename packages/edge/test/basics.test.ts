/** The client side of the engine over raw bytes, with a worker of the test's own behind it. */
import { exchangeRaw } from "@stack/testkit";
import { expect, test } from "vitest";
import { startEdge } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";

test("a request reaches a worker and its answer comes back, then the next on the same connection", async () => {
  await using edge = await startEdge();
  await using worker = await startWorker(edge.folder, (request) =>
    request.answer(`hello ${request.env.get("PATH_INFO")}`),
  );
  await edge.arbiter("shop", [worker.record]);

  const received = await exchangeRaw(edge.target, [
    "GET /one HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET /two HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
  ]);

  const answers = received.split(/(?=HTTP\/1\.1 )/);
  expect(answers).toHaveLength(2);
  expect(answers[0]).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 10\r\n\r\nhello \/one$/);
  expect(answers[1]).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nhello \/two$/);
});
