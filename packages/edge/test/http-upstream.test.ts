import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createRawServer, type Server as RawServer, type Socket } from "node:net";
import { join } from "node:path";
import { eventually, freePort, tempFolder } from "@stack/testkit";
import { expect, test, vi } from "vitest";
import type { Backend } from "../src/io/exchange.ts";
import { type FakeExchange, type FakeOptions, fakeExchange } from "./fixtures/fake-exchange.ts";
import { type LocalSettings, localUpstream } from "./fixtures/local-upstream.ts";
import { neverAccepting } from "./fixtures/never-accepting.ts";

const bugs: unknown[] = [];

function upstream(servers: readonly string[], settings: LocalSettings = {}): Backend {
  return localUpstream({ servers }, { onBug: (error) => bugs.push(error), ...settings });
}

async function ask(
  backend: Backend,
  target: string,
  options: FakeOptions = {},
): Promise<FakeExchange> {
  const exchange = fakeExchange(target, options);
  backend.handle(exchange);
  await exchange.settled;
  expect(bugs).toEqual([]);
  return exchange;
}

interface LocalServer extends AsyncDisposable {
  readonly address: string;
  readonly server: Server;
  /** Connections there have been, and those that are open. */
  readonly connections: () => number;
  readonly open: () => Promise<number>;
}

/** A node:http server on a port of its own. */
async function serve(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<LocalServer> {
  let connections = 0;
  // A listener that fails shows as a request without an answer.
  const server = createServer((request, response) => void listener(request, response));
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: addressOf(server),
    server,
    connections: () => connections,
    open: () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A server that says what a test wants: `answer` is called for each request head it reads. */
async function serveRaw(
  answer: (socket: Socket, request: string, connection: number, count: number) => unknown,
): Promise<{ address: string; requests: string[]; sockets: Socket[] } & AsyncDisposable> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const server: RawServer = createRawServer((socket) => {
    const connection = sockets.push(socket);
    let count = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const text = chunk.toString("latin1");
      requests.push(text);
      count += 1;
      answer(socket, text, connection, count);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: addressOf(server),
    requests,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function addressOf(server: Server | RawServer): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `127.0.0.1:${address.port}`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("a request and its answer are passed on", async () => {
  await using server = await serve((request, response) => {
    response.setHeader("X-Seen", JSON.stringify(request.headers));
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    response.statusCode = 201;
    response.statusMessage = "Made";
    response.end(`${request.method} ${request.url}`);
  });
  const exchange = await ask(upstream([server.address]), "/a/b?x=1", {
    host: "shop.test",
    fields: ["X-Mine: 1", "X-Forwarded-For: 6.6.6.6", "Connection: close, X-Secret", "X-Secret: 1"],
  });
  expect(exchange.got).toMatchObject({ status: 201, reason: "Made", outcome: "ended" });
  expect(exchange.text()).toBe("GET /a/b?x=1");
  expect(exchange.got.fields).toContain("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
  expect(exchange.got.fields).not.toMatch(/^(?:Connection|Keep-Alive|Content-Length):/im);
  const seen = JSON.parse(exchange.field("X-Seen") ?? "") as Record<string, string>;
  expect(seen).toMatchObject({
    host: "shop.test",
    "x-mine": "1",
    "x-forwarded-for": "192.0.2.7",
    "x-real-ip": "192.0.2.7",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "shop.test",
    via: "1.1 stack",
  });
  expect(seen).not.toHaveProperty("x-secret");
  expect(exchange.servedBy).toBe(server.address);
});

test("a server on a Unix socket is reached", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "up.sock");
  const server = createServer((_request, response) => response.end("unix"));
  server.listen(path);
  await once(server, "listening");
  const exchange = await ask(upstream([`unix:${path}`]), "/");
  expect(exchange.text()).toBe("unix");
  server.closeAllConnections();
  server.close();
});

test("a prefix is taken off for the server", async () => {
  await using server = await serve((request, response) => response.end(request.url));
  const exchange = fakeExchange("/api/users?x=1");
  Object.assign(exchange.route, { stripLength: "/api".length });
  upstream([server.address]).handle(exchange);
  await exchange.settled;
  expect(exchange.text()).toBe("/users?x=1");
});

test("answers with a length, in chunks and without a body are told apart", async () => {
  await using server = await serve((request, response) => {
    if (request.url === "/chunks") {
      response.write("one ");
      response.write("two ");
      response.end("three");
    } else if (request.url === "/204") {
      response.statusCode = 204;
      response.end();
    } else if (request.url === "/304") {
      response.statusCode = 304;
      response.setHeader("ETag", '"x"');
      response.end();
    } else if (request.url === "/empty") {
      response.end();
    } else {
      response.setHeader("Content-Length", 300_000);
      response.end("x".repeat(300_000));
    }
  });
  const backend = upstream([server.address]);
  const chunks = await ask(backend, "/chunks");
  expect([chunks.text(), chunks.got.length]).toEqual(["one two three", -1]);
  expect((await ask(backend, "/204")).got).toMatchObject({ status: 204, outcome: "ended" });
  expect((await ask(backend, "/304")).field("ETag")).toBe('"x"');
  expect((await ask(backend, "/empty")).got).toMatchObject({ length: 0, outcome: "ended" });
  const long = await ask(backend, "/long");
  expect(long.got.length).toBe(300_000);
  expect(long.text()).toBe("x".repeat(300_000));
  const head = await ask(backend, "/long", { method: "HEAD" });
  expect(head.got).toMatchObject({ status: 200, length: 300_000, outcome: "ended" });
  // All of it on one connection: nothing was left behind by any of them.
  expect(server.connections()).toBe(1);
});

test("connections are kept for the next request and closed when the plan is replaced", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  const backend = upstream([server.address]);
  for (let round = 0; round < 5; round += 1) await ask(backend, "/");
  expect(server.connections()).toBe(1);
  await Promise.all([ask(backend, "/"), ask(backend, "/"), ask(backend, "/")]);
  expect(server.connections()).toBe(3);

  backend.retire();
  await eventually("all to be closed", async () => (await server.open()) === 0);
});

test("servers take turns", async () => {
  await using one = await serve((_request, response) => response.end("one"));
  await using two = await serve((_request, response) => response.end("two"));
  const backend = upstream([one.address, two.address]);
  const said: string[] = [];
  for (let round = 0; round < 4; round += 1) said.push((await ask(backend, "/")).text());
  expect(said).toEqual(["one", "two", "one", "two"]);
});

test("a body that is complete is sent with its length", async () => {
  await using server = await serve(async (request, response) => {
    const body = await bodyOf(request);
    response.end(`${request.headers["content-length"]} ${body.length}`);
  });
  const backend = upstream([server.address]);
  const small = await ask(backend, "/", { method: "POST", body: "hello" });
  expect(small.text()).toBe("5 5");
  const large = await ask(backend, "/", { method: "POST", body: "x".repeat(100_000) });
  expect(large.text()).toBe("100000 100000");
  const empty = await ask(backend, "/", { method: "POST", body: "" });
  expect(empty.text()).toBe("0 0");
});

test.for([
  [-1, "chunked"],
  [11, undefined],
] as const)("a body of length %s is streamed", async ([streamedLength, coding]) => {
  await using server = await serve(async (request, response) => {
    const body = await bodyOf(request);
    response.end(`${request.headers["transfer-encoding"]} ${body}`);
  });
  const exchange = fakeExchange("/", { method: "POST", streamedLength });
  upstream([server.address]).handle(exchange);
  await eventually("the body to be asked for", () => exchange.calls.includes("readBody"));
  exchange.sendPiece("hello ");
  exchange.sendPiece("world");
  exchange.sendEnd();
  await exchange.settled;
  expect(exchange.text()).toBe(`${coding} hello world`);
});

test("a server that does not read stops the client's body until it does", async () => {
  let held: IncomingMessage | undefined;
  await using server = await serve((request, response) => {
    held = request;
    void bodyLengthLater(request).then((length) => response.end(String(length)));
  });
  async function bodyLengthLater(request: IncomingMessage): Promise<number> {
    await once(request, "go");
    return (await bodyOf(request)).length;
  }
  const exchange = fakeExchange("/", { method: "POST", streamedLength: -1 });
  upstream([server.address]).handle(exchange);
  await eventually("the body to be asked for", () => exchange.calls.includes("readBody"));
  const piece = Buffer.alloc(256 * 1024, "x");
  let sent = 0;
  await eventually("a pause", () => {
    sent += piece.length;
    return !exchange.sendPiece(piece);
  });
  expect(exchange.calls).not.toContain("resumeBody");
  await eventually("the request", () => held !== undefined);
  held?.emit("go");
  await eventually("to go on", () => exchange.calls.includes("resumeBody"));
  exchange.sendEnd();
  await exchange.settled;
  expect(exchange.text()).toBe(String(sent));
});

test("an answer before the end of the request is passed on, the connection not used again", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  });
  const backend = upstream([server.address]);
  const exchange = fakeExchange("/", { method: "POST", streamedLength: 1_000_000 });
  backend.handle(exchange);
  await exchange.settled;
  expect(exchange.got.status).toBe(413);
  await eventually("the close", () => server.sockets[0]?.destroyed);
});

test("interim answers are passed on, 100 is not, and then comes the final one", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTT");
    setImmediate(() => socket.write("P/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  const exchange = await ask(upstream([server.address]), "/");
  expect(exchange.got.informed).toEqual(["103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"]);
  expect(exchange.text()).toBe("ok");
});

test("an answer until the connection's end is passed on whole", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.0 200 OK\r\n\r\nhello ");
    setImmediate(() => socket.end("world"));
  });
  const exchange = await ask(upstream([server.address]), "/");
  expect(exchange.got).toMatchObject({ outcome: "ended", length: -1 });
  expect(exchange.text()).toBe("hello world");
});

test("an answer in single bytes is the same answer", async () => {
  const answer =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n5;e=1\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\n\r\n";
  await using server = await serveRaw(async (socket) => {
    socket.setNoDelay(true);
    for (const byte of answer) {
      socket.write(byte);
      await new Promise(setImmediate);
    }
  });
  const exchange = await ask(upstream([server.address]), "/");
  expect(exchange.text()).toBe("hello world");
  expect(exchange.got.outcome).toBe("ended");
});

test.for([
  [
    "both length and chunks",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
  ["garbage", "\0\u0001\u0002 this is no HTTP\r\n\r\n"],
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["a header with a NUL", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"],
  ["a folded header", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"],
  ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"],
  ["a status out of range", "HTTP/1.1 999 Huh\r\nContent-Length: 0\r\n\r\n"],
  ["a switch nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"],
  ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}`],
  ["interim answers without end", "HTTP/1.1 102 Processing\r\n\r\n".repeat(40)],
] as const)("%s is a 502 and ends the connection", async ([, answer]) => {
  await using server = await serveRaw((socket) => socket.write(answer, "latin1"));
  const exchange = await ask(upstream([server.address]), "/");
  expect(exchange.got).toMatchObject({ status: 502, outcome: "failed before the head" });
  expect(exchange.got.failure).not.toContain("127.0.0.1");
  await eventually("the close", () => server.sockets[0]?.destroyed);
  expect(server.requests).toHaveLength(1);
});

test.for([
  ["with a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
  ["in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf"],
  [
    "without its last CRLF",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
  ],
] as const)("an answer cut off %s is never presented as complete", async ([, answer]) => {
  for (const end of ["end", "resetAndDestroy"] as const) {
    await using server = await serveRaw((socket) => {
      socket.write(answer, () => void socket[end]());
    });
    const exchange = await ask(upstream([server.address]), "/");
    expect(exchange.got.outcome).toBe("cut off");
    expect(server.requests).toHaveLength(1);
  }
});

test("an answer until the end that ends in a reset is cut off", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\nhalf", () => setImmediate(() => socket.resetAndDestroy()));
  });
  const exchange = await ask(upstream([server.address]), "/");
  expect(exchange.got.outcome).toBe("cut off");
});

test("a chunk with a bad size cuts the client off", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0x1\r\n");
  });
  const exchange = await ask(upstream([server.address]), "/");
  expect(exchange.got.outcome).toBe("cut off");
});

test("a second answer smuggled behind the first reaches nobody", async () => {
  await using server = await serveRaw((socket, _request, connection) => {
    if (connection === 1) socket.write(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    else socket.write(ok);
  });
  const backend = upstream([server.address]);
  expect((await ask(backend, "/")).text()).toBe("ok");
  expect((await ask(backend, "/")).text()).toBe("ok");
  expect(server.sockets).toHaveLength(2);
});

test("an answer sent to an idle connection reaches nobody", async () => {
  await using server = await serveRaw((socket, _request, connection) => {
    socket.write(ok);
    if (connection === 1) setImmediate(() => socket.write(ok.replace("ok", "no")));
  });
  const backend = upstream([server.address]);
  expect((await ask(backend, "/")).text()).toBe("ok");
  await eventually("the close", () => server.sockets[0]?.destroyed);
  expect((await ask(backend, "/")).text()).toBe("ok");
});

test("a kept connection that dies under a safe request is replaced, once", async () => {
  await using server = await serveRaw((socket, _request, connection, count) => {
    if (connection === 1 && count === 2) socket.destroy();
    else socket.write(ok);
  });
  const backend = upstream([server.address]);
  await ask(backend, "/");
  const exchange = await ask(backend, "/");
  expect(exchange.text()).toBe("ok");
  expect(server.sockets).toHaveLength(2);
});

test.for([
  ["part of a head", "HTTP/1.1 200 OK\r\nContent-Len"],
  ["an interim answer", "HTTP/1.1 100 Continue\r\n\r\n"],
] as const)("a safe request is not repeated once %s has come", async ([, said]) => {
  await using server = await serveRaw((socket, _request, _connection, count) => {
    if (count === 1) socket.write(ok);
    else socket.end(said);
  });
  const backend = upstream([server.address]);
  expect((await ask(backend, "/")).got.status).toBe(200);
  expect((await ask(backend, "/")).got.status).toBe(502);
  expect(server.requests).toHaveLength(2);
  backend.retire();
});

test("a request that may act is not sent twice", async () => {
  await using server = await serveRaw((socket, request) => {
    if (request.startsWith("POST")) socket.destroy();
    else socket.write(ok);
  });
  const backend = upstream([server.address]);
  await ask(backend, "/");
  const exchange = await ask(backend, "/", { method: "POST", body: "x" });
  expect(exchange.got).toMatchObject({ status: 502, outcome: "failed before the head" });
  expect(server.requests).toHaveLength(2);
});

test("a request that may not be repeated never meets a kept connection that died unseen", async () => {
  await using server = await serveRaw((socket, _request, _connection, count) => {
    if (count > 1) socket.destroy();
    else socket.write(ok);
  });
  const backend = upstream([server.address]);
  for (const method of ["GET", "POST", "PATCH", "POST"]) {
    expect((await ask(backend, "/", { method, body: "x" })).text()).toBe("ok");
  }
  expect(server.requests).toHaveLength(4);
});

test("a safe request that a server never answers is given up after one replay", async () => {
  await using server = await serveRaw((socket) => socket.destroy());
  const exchange = await ask(upstream([server.address]), "/");
  expect(exchange.got).toMatchObject({ status: 502, outcome: "failed before the head" });
  expect(server.requests).toHaveLength(2);
});

test("a server that cannot be reached is passed over, for any method", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  const nobody = `127.0.0.1:${await freePort()}`;
  const backend = upstream([nobody, "unix:/nowhere/x.sock", server.address]);
  for (let round = 0; round < 3; round += 1) {
    const exchange = await ask(backend, "/", { method: "POST", body: "x" });
    expect(exchange.text()).toBe("ok");
  }
});

test("no server at all is a 502", async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const exchange = await ask(upstream([nobody, "unix:/nowhere/x.sock"]), "/");
  expect(exchange.got.status).toBe(502);
});

test("a server that does not accept is given up after the connect timeout", async () => {
  await using full = await neverAccepting();
  const started = performance.now();
  const exchange = await ask(upstream([full.address], { connectMs: 100 }), "/");
  expect(exchange.got.status).toBe(502);
  expect(performance.now() - started).toBeGreaterThanOrEqual(95);
});

test("a server that is late with its first byte is a 504", async () => {
  await using server = await serveRaw(() => {});
  const started = performance.now();
  const exchange = await ask(upstream([server.address], { firstByteMs: 100 }), "/");
  expect(exchange.got).toMatchObject({ status: 504, outcome: "failed before the head" });
  expect(performance.now() - started).toBeGreaterThanOrEqual(95);
  expect(server.requests).toHaveLength(1);
  await eventually("the close", () => server.sockets[0]?.destroyed);
});

test("the time of a server begins when it has read all of the request, if it reads all the time", async () => {
  await using server = await serveRaw((socket, text) => {
    if (text.includes("\r\n\r\n")) {
      // It takes a piece now and then, for longer than it may take to answer.
      socket.pause();
      const sips = setInterval(() => {
        const piece = socket.read(1_000_000) ?? socket.read();
        taken += piece?.length ?? 0;
        if (taken < total - 500_000) return; // the first piece came otherwise
        clearInterval(sips);
        socket.write(ok);
      }, 100);
    }
  });
  const total = 40_000_000;
  let taken = 0;
  const body = "x".repeat(total);
  const exchange = await ask(upstream([server.address], { firstByteMs: 2_000 }), "/", {
    method: "POST",
    body,
  });
  expect(exchange.got).toMatchObject({ status: 200, outcome: "ended" });
});

test("a server that stops within its answer cuts the client off", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  const exchange = await ask(upstream([server.address], { firstByteMs: 2_000 }), "/");
  expect(exchange.got.outcome).toBe("cut off");
});

test("a slow client stops the server, and then gets every byte", async () => {
  const total = 16_000_000;
  let written = 0;
  await using server = await serve((_request, response) => {
    response.setHeader("Content-Length", total);
    const more = (): void => {
      while (written < total) {
        written += 100_000;
        if (!response.write(Buffer.alloc(100_000, written / 100_000))) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const exchange = fakeExchange("/", { boundBytes: 100_000 });
  upstream([server.address]).handle(exchange);
  await eventually("a pause", () => exchange.got.pieces.length > 0);
  const received = () => exchange.got.pieces.reduce((sum, piece) => sum + piece.length, 0);
  expect(received()).toBeLessThan(300_000);
  expect(written).toBeLessThan(total);
  await eventually("the end", () => {
    for (let round = 0; round < 10; round += 1) exchange.drain();
    return exchange.done;
  });
  expect(exchange.got.outcome).toBe("ended");
  expect(received()).toBe(total);
});

test("bytes of one answer never show in another, under backpressure", async () => {
  await using server = await serve((request, response) => {
    response.end((request.url ?? "").slice(1, 2).repeat(1_000_000));
  });
  const backend = upstream([server.address]);
  const exchanges = ["a", "b", "c", "d"].map((letter) =>
    fakeExchange(`/${letter}`, { boundBytes: 50_000 }),
  );
  for (const exchange of exchanges) backend.handle(exchange);
  await eventually("the end of all", () => {
    for (const exchange of exchanges) exchange.drain();
    return exchanges.every((exchange) => exchange.done);
  });
  expect(
    exchanges.map((exchange) => exchange.text() === exchange.head.path.slice(1).repeat(1e6)),
  ).toEqual([true, true, true, true]);
});

test("a client that leaves ends the request at the server", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  const exchange = fakeExchange("/");
  upstream([server.address]).handle(exchange);
  await eventually("the first piece", () => exchange.got.pieces.length === 1);
  exchange.abort();
  await eventually("the close", () => server.sockets[0]?.destroyed);
});

test("a client that leaves while we connect sends nothing", async () => {
  await using server = await serveRaw((socket) => socket.write(ok));
  const backend = upstream([server.address]);
  const gone = fakeExchange("/gone");
  backend.handle(gone);
  gone.abort();
  expect((await ask(backend, "/")).text()).toBe("ok");
  expect(server.requests.join("")).not.toContain("/gone");
});

test("an idle connection is closed before the server says it would", async () => {
  await using server = await serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok");
  });
  await ask(upstream([server.address]), "/");
  // Of itself it would be kept for a minute.
  await eventually("the close", () => server.sockets[0]?.destroyed);
});

/** After this the kernel is asked for what has arrived before anything that is held leaves. */
function beginTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("what a server says in the turn that holds the request is no answer to it", async () => {
  await using server = await serveRaw((socket, request) => {
    const path = request.split(" ")[1] ?? "";
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
  });
  const backend = upstream([server.address]);
  expect((await ask(backend, "/first")).text()).toBe("/first");
  await beginTurn();
  server.sockets[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
  expect((await ask(backend, "/second")).text()).toBe("/second");
  expect(server.requests.map((request) => request.split(" ")[1])).toEqual(["/first", "/second"]);
  expect(server.sockets.length).toBe(2);
});

test("a server that closes in the turn that holds the request is not blamed for it", async () => {
  await using server = await serveRaw((socket) => socket.write(ok));
  const backend = upstream([server.address]);
  await ask(backend, "/first");
  await beginTurn();
  server.sockets[0]?.destroy(); // its FIN leaves at once
  const second = await ask(backend, "/second");
  expect(second.got).toMatchObject({ status: 200, outcome: "ended" });
  expect(server.requests.length).toBe(2);
});

test("of a client that leaves in the turn of its request the server hears nothing", async () => {
  await using server = await serveRaw((socket) => socket.write(ok));
  const backend = upstream([server.address]);
  await ask(backend, "/first");
  const gone = fakeExchange("/gone");
  backend.handle(gone);
  gone.abort();
  await ask(backend, "/second");
  expect(server.requests.map((request) => request.split(" ")[1])).toEqual(["/first", "/second"]);
  expect(server.sockets.length).toBe(1);
});

/** What is seen by the clock is seen when the test says so. */
function stoppedChecks(): Disposable {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  return { [Symbol.dispose]: () => void vi.useRealTimers() };
}

test("with reuse always a request that may not be repeated goes over a connection that has just answered", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  using _clock = stoppedChecks();
  const backend = localUpstream({ servers: [server.address], reuse: "always" });
  for (let round = 0; round < 20; round += 1) {
    const { got } = await ask(backend, "/", { method: "POST", body: "x" });
    expect(got).toMatchObject({ status: 200, outcome: "ended" });
  }
  expect(server.connections()).toBe(1);
});

test("with reuse always the connections that have rested longest give way", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  server.server.keepAliveTimeout = 60_000;
  using _clock = stoppedChecks();
  const backend = localUpstream({ servers: [server.address], reuse: "always" });
  await Promise.all(Array.from({ length: 64 }, () => ask(backend, "/")));
  vi.advanceTimersByTime(500);
  for (let round = 0; round < 5; round += 1) await ask(backend, "/", { method: "POST" });
  expect(server.connections()).toBe(64 + 1);
});

test("with reuse always what is lost with the connection is a 502, and not repeated", async () => {
  await using server = await serveRaw((socket, _request, _connection, count) => {
    if (count === 1) socket.write(ok);
    else socket.destroy();
  });
  using _clock = stoppedChecks();
  const backend = localUpstream({ servers: [server.address], reuse: "always" });
  await ask(backend, "/");
  const lost = await ask(backend, "/", { method: "POST", body: "x" });
  expect(lost.got).toMatchObject({ status: 502, outcome: "failed before the head" });
  expect(server.requests.length).toBe(2);
});

test("with reuse always a connection that has rested, or that the server has closed, is left alone", async () => {
  await using server = await serveRaw((socket) => socket.write(ok));
  using _clock = stoppedChecks();
  const backend = localUpstream({ servers: [server.address], reuse: "always" });
  await ask(backend, "/");
  await beginTurn();
  server.sockets[0]?.destroy(); // its FIN leaves at once
  await ask(backend, "/", { method: "POST", body: "x" });
  expect(server.sockets.length).toBe(2);
  vi.advanceTimersByTime(500);
  await ask(backend, "/", { method: "POST", body: "x" });
  expect(server.sockets.length).toBe(3);
});

test("requests that get connections of their own do not heap them up", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  server.server.keepAliveTimeout = 60_000;
  const backend = upstream([server.address]);
  for (let round = 0; round < 100; round += 1) await ask(backend, "/", { method: "POST" });
  expect(server.connections()).toBe(100);
  await eventually("all but some to be closed", async () => (await server.open()) === 64);
});

test("a crowd's connections serve its next requests, and all but some are closed soon after", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  server.server.keepAliveTimeout = 60_000;
  // A check amid a crowd's answers would take those still to come for a smaller crowd.
  using _clock = stoppedChecks();
  const backend = upstream([server.address]);
  const crowd = () => Promise.all(Array.from({ length: 200 }, () => ask(backend, "/")));
  await crowd();
  const opened = server.connections();
  expect(opened).toBe(200);
  await crowd();
  expect(server.connections()).toBe(opened);
  await eventually("the surplus to be closed", async () => {
    vi.advanceTimersByTime(500);
    return (await server.open()) === 64;
  });
  await crowd();
  expect(server.connections()).toBe(opened + 200 - 64);
});
