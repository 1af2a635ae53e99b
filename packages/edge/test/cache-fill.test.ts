/** Many want what is not stored yet: one request is made, and all get its answer while it comes. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { eventually } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CachedEdge, fresh, startCached } from "./fixtures/cached.ts";

let cached: CachedEdge;

beforeAll(async () => {
  cached = await startCached({ threads: 2 });
});

afterAll(async () => {
  await cached[Symbol.asyncDispose]();
});

interface RawClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  received: string;
}

/** Connections of their own, so that both threads have some. */
function ask(path: string, count: number, fields = ""): readonly RawClient[] {
  return Array.from({ length: count }, () => {
    const socket = connect(cached.edge.target);
    const client: RawClient = { socket, closed: once(socket, "close"), received: "" };
    socket.setEncoding("latin1").on("data", (text: string) => {
      client.received += text;
    });
    socket.on("error", () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`);
    return client;
  });
}

/** Takes the answer of each request to a path into the test's hands. */
function held(path: string): ServerResponse[] {
  const responses: ServerResponse[] = [];
  cached.on(path, (_request, response) => void responses.push(response));
  return responses;
}

async function allClosed(clients: readonly RawClient[]): Promise<void> {
  await Promise.all(clients.map(({ closed }) => closed));
}

function bodyOf({ received }: RawClient): string {
  return received.slice(received.indexOf("\r\n\r\n") + 4);
}

test("500 clients over two threads cause one request, and each gets all of the answer", async () => {
  const responses = held("/stampede");
  const clients = ask("/stampede", 500);
  await eventually("the request", () => responses.length > 0);
  await eventually("all clients", () => (cached.edge.metrics()?.connections ?? 0) >= 500);
  responses[0]?.writeHead(200, { "Cache-Control": "max-age=60", "Content-Length": "10" });
  responses[0]?.end("0123456789");
  await allClosed(clients);
  expect(clients.filter((client) => bodyOf(client) === "0123456789").length).toBe(500);
  // One that was accepted late may have found it stored.
  const without = clients.filter(({ received }) =>
    /^cache-status: .*(?:; collapsed|; hit)/im.test(received),
  );
  expect(without.length).toBe(499);
  expect(cached.count("/stampede")).toBe(1);
}, 60_000);

test("who waits gets each piece as it comes, on both threads", async () => {
  const responses = held("/stream");
  const clients = ask("/stream", 20);
  await eventually("the request", () => responses.length === 1);
  responses[0]?.writeHead(200, { "Cache-Control": "max-age=60" });
  responses[0]?.write("first");
  await eventually("the first piece", () => clients.every((one) => one.received.includes("first")));
  responses[0]?.end("second");
  await allClosed(clients);
  expect(clients.every(({ received }) => received.includes("second"))).toBe(true);
  expect(cached.count("/stream")).toBe(1);
});

test("the request outlives the client that caused it", async () => {
  const responses = held("/left");
  const [first] = ask("/left", 1);
  await eventually("the request", () => responses.length === 1);
  first?.socket.destroy();
  const others = ask("/left", 10);
  await eventually("the others", () => (cached.edge.metrics()?.connections ?? 0) >= 11);
  responses[0]?.writeHead(200, { "Cache-Control": "max-age=60" });
  responses[0]?.end("there");
  await allClosed(others);
  expect(others.every((client) => client.received.includes("there"))).toBe(true);
  expect(cached.count("/left")).toBe(1);
});

test("an answer that is not for everybody releases all who wait, at once", async () => {
  const responses = held("/private");
  const clients = ask("/private", 20);
  await eventually("the request", () => responses.length === 1);
  await eventually("all clients", () => (cached.edge.metrics()?.connections ?? 0) >= 20);
  const answer = (index: number): void => {
    responses[index]?.writeHead(200, { "Cache-Control": "private" });
    responses[index]?.end(`yours ${index}`);
  };
  answer(0);
  // Not one after the other: all of them are asked for before one more is answered.
  await eventually("all requests", () => responses.length === 20);
  for (let index = 1; index < 20; index += 1) answer(index);
  await allClosed(clients);
  const bodies = clients.map(bodyOf).sort();
  expect(new Set(bodies).size).toBe(20);
  // For a while nobody waits for such an answer at all.
  const more = ask("/private", 5);
  await eventually("the next", () => responses.length === 25);
  for (const { socket } of more) socket.destroy();
});

test("a client that does not read holds neither the answer nor the others", async () => {
  const body = "x".repeat(900_000);
  const responses = held("/slow");
  const [slow] = ask("/slow", 1);
  slow?.socket.pause();
  await eventually("the request", () => responses.length === 1);
  const others = ask("/slow", 10);
  responses[0]?.writeHead(200, { "Cache-Control": "max-age=60", "Content-Length": body.length });
  responses[0]?.end(body);
  await allClosed(others);
  expect(others.every((client) => bodyOf(client).length === body.length)).toBe(true);
  expect((await cached.get("/slow", { Host: "a" })).cache).toMatch(/hit/);
  slow?.socket.resume();
  await slow?.closed;
  expect(bodyOf(slow as RawClient).length).toBe(body.length);
  expect(cached.count("/slow")).toBe(1);
});

test("an answer that turns out too long goes on to all who had begun, at the pace of the slowest", async () => {
  const piece = "y".repeat(256 * 1024);
  const responses = held("/growing");
  const clients = ask("/growing", 4);
  await eventually("the request", () => responses.length === 1);
  const response = responses[0] as ServerResponse;
  response.writeHead(200, { "Cache-Control": "max-age=60" });
  response.write("begun");
  await eventually("the beginning", () => clients.every((one) => one.received.includes("begun")));
  for (let count = 0; count < 16; count += 1) {
    if (!response.write(piece)) await once(response, "drain");
  }
  response.end("all");
  await allClosed(clients);
  for (const { received } of clients) {
    expect(received.length).toBeGreaterThan(16 * piece.length);
    expect(received.endsWith("all\r\n0\r\n\r\n")).toBe(true);
  }
  expect(cached.count("/growing")).toBe(1);
});

test("if the one that answers dies, all who wait get an answer", async () => {
  let asked = 0;
  cached.on("/dying", (request, response) => {
    asked += 1;
    if (asked <= 2)
      request.socket.destroy(); // it is replayed once
    else fresh("alive")(request, response);
  });
  const clients = ask("/dying", 20);
  await allClosed(clients);
  const alive = clients.filter(({ received }) => received.includes("alive")).length;
  expect(alive).toBeGreaterThanOrEqual(19);
  expect(asked).toBeLessThan(10);
});

test("clients that want different variants do not get each other's", async () => {
  const responses = held("/vary");
  const german = ask("/vary", 1, "Accept-Language: de\r\n");
  await eventually("the first request", () => responses.length === 1);
  const others = ["de", "fr", "de", "fr"].flatMap((language) =>
    ask("/vary", 1, `Accept-Language: ${language}\r\n`),
  );
  await eventually("all", () => (cached.edge.metrics()?.connections ?? 0) >= 5);
  const answer = (response: ServerResponse | undefined): void => {
    response?.writeHead(200, { "Cache-Control": "max-age=60", Vary: "Accept-Language" });
    response?.end(`in ${response.req.headers["accept-language"]}`);
  };
  answer(responses[0]);
  await eventually("the other language", () => responses.length >= 2);
  cached.on("/vary", (_request, response) => answer(response));
  for (const response of responses.slice(1)) answer(response);
  await allClosed([...german, ...others]);
  expect(german[0]?.received).toContain("in de");
  expect(others.map((client) => bodyOf(client).trim().match(/in ../)?.[0])).toEqual([
    "in de",
    "in fr",
    "in de",
    "in fr",
  ]);
});
