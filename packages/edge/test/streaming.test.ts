/** Answers that come bit by bit, and what comes before them: passed on as they come, by both links. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { eventually, exchangeRaw } from "@stack/testkit";
import { expect, test } from "vitest";
import { app, route, startEdge } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";

/** Edges start slowly on a machine that does other things. */
/** A client that shows what has arrived so far. */
function listen(port: number, request: string): { text: () => string; destroy: () => void } {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  socket.on("error", () => {});
  socket.write(request);
  return { text: () => text, destroy: () => socket.destroy() };
}

const shop = "shop";
const get = (path: string, version = "1.1"): string =>
  `GET ${path} HTTP/${version}\r\nHost: a.test\r\n\r\n`;

test("each event of an upstream arrives before the next is sent", async () => {
  let send = (_event: string): void => {};
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    send = (event) => void response.write(event);
    send("data: 0\n\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using edge = await startEdge({
    threads: 1,
    plan: {
      routes: [route("/*", { kind: "upstream", upstream: "one" })],
      upstreams: { one: { servers: [address] } },
      apps: {},
    },
  });
  const client = listen(edge.port, get("/events"));
  for (let event = 0; event < 5; event += 1) {
    await eventually(`event ${event}`, () => client.text().includes(`data: ${event}\n\n`));
    send(`data: ${event + 1}\n\n`);
  }
  client.destroy();
  server.closeAllConnections();
  server.close();
});

test("each event of a worker arrives before the next is sent, for longer than its timeout", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: {
      routes: [route("/*", { kind: "app", app: "shop" })],
      apps: { shop: { ...app, timeoutMs: 2_000 } },
    },
  });
  let send = (_event: string): Promise<void> => Promise.resolve();
  await using worker = await startWorker(edge.folder, async (request) => {
    request.head("200 OK\r\nContent-Type: text/event-stream\r\n");
    send = request.write;
    await send("data: 0\n\n");
  });
  await edge.arbiter("shop", [worker.record]);
  const client = listen(edge.port, get("/events"));
  const begun = performance.now();
  let lastSent = begun;
  for (let event = 0; performance.now() - begun < 3_500; event += 1) {
    await eventually(`event ${event}`, () => client.text().includes(`data: ${event}\n\n`));
    lastSent = performance.now();
    await send(`data: ${event + 1}\n\n`);
  }
  // Silence is not a sign of life.
  await eventually("the cut", () => edge.metrics()?.apps[shop]?.inFlight === 0);
  expect(performance.now() - lastSent).toBeGreaterThan(1_700);
  client.destroy();
});

test("early hints of both links pass at once, to clients that know them", async () => {
  const open: (() => void)[] = [];
  const server = createServer((_request, response) => {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    open.push(() => response.end("late"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using edge = await startEdge({
    threads: 1,
    plan: {
      routes: [
        route("/up/*", { kind: "upstream", upstream: "one" }),
        route("/*", { kind: "app", app: "shop" }),
      ],
      upstreams: { one: { servers: [address] } },
      apps: { shop: app },
    },
  });
  await using worker = await startWorker(edge.folder, (request) => {
    request.inform("103 Early Hints\r\nLink: </a.css>; rel=preload\r\n");
    open.push(() => void request.answer("late"));
  });
  await edge.arbiter("shop", [worker.record]);
  for (const path of ["/up/x", "/x"]) {
    const client = listen(edge.port, get(path));
    await eventually("the hints", () =>
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\n\r\n$/i.test(client.text()),
    );
    open.shift()?.();
    await eventually("the answer", () => /\r\n\r\nHTTP\/1\.1 200 /.test(client.text()));
    client.destroy();
    const old = exchangeRaw(edge.target, [get(path, "1.0")]);
    await eventually("the request", () => open.length > 0);
    open.shift()?.();
    expect(await old).toMatch(/^HTTP\/1\.1 200 /);
  }
  server.closeAllConnections();
  server.close();
});
