/** `upstream` routes over a real edge process: what clients see of servers that behave, and of others. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { eventually, exchangeRaw, freePort } from "@stack/testkit";
import { expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge, timeoutsMs } from "./edge-process.ts";

interface Upstream extends AsyncDisposable {
  readonly address: string;
  readonly sockets: Socket[];
  readonly requests: string[];
}

/** A server over raw bytes; `answer` is called with each piece it reads. */
async function startRaw(
  answer: (socket: Socket, text: string, connection: number, count: number) => unknown,
): Promise<Upstream> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const server = createServer((socket) => {
    const connection = sockets.push(socket);
    let count = 0;
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (text: string) => {
      requests.push(text);
      count += 1;
      answer(socket, text, connection, count);
    });
  });
  const address = await listen(server);
  return {
    address,
    sockets,
    requests,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function edgeTo(servers: readonly string[], firstByte = 10_000): Promise<EdgeProcess> {
  return startEdge({
    threads: 1,
    plan: {
      routes: [
        route("/*", { kind: "upstream", upstream: "old" }),
        { ...route("/api/*", { kind: "upstream", upstream: "old" }), stripPrefix: true },
      ],
      upstreams: { old: { servers } },
      timeoutsMs: { ...timeoutsMs, firstByte, connect: 2_000 },
      limits: { ...limits, bodyBytes: 100 * 1024 * 1024 },
    },
  });
}

const get = (target: string, fields = "", method = "GET"): string =>
  `${method} ${target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${fields}\r\n`;

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("requests, bodies and answers pass through unchanged, on kept connections", async () => {
  const server = createHttpServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces);
      response.setHeader("X-Target", request.url ?? "");
      response.setHeader("X-Via", request.headers.via ?? "");
      response.setHeader("X-For", request.headers["x-forwarded-for"] ?? "");
      response.setHeader("X-Framing", `${request.headers["content-length"]}`);
      response.end(body.length === 0 ? request.method : body);
    });
  });
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  const address = await listen(server);
  await using edge = await edgeTo([address]);

  const first = await exchangeRaw(edge.target, [
    get("/api/a%20b?x=1", "X-Forwarded-For: 6.6.6.6\r\n"),
  ]);
  expect(first).toContain("\r\nX-Target: /a%20b?x=1\r\n");
  expect(first).toContain("\r\nX-Via: 1.1 stack\r\n");
  expect(first).toContain("\r\nX-For: 127.0.0.1\r\n");
  expect(first.endsWith("\r\n\r\nGET")).toBe(true);

  // Larger than what is buffered: streamed, with its length.
  const body = "0123456789".repeat(2_000_000);
  const echoed = await exchangeRaw(
    edge.target,
    [get("/", `Content-Length: ${body.length}\r\n`, "POST"), body],
    () => false,
    30_000,
  );
  expect(echoed).toContain(`\r\nX-Framing: ${body.length}\r\n`);
  expect(echoed.endsWith(`\r\n\r\n${body}`)).toBe(true);

  // Small and chunked: known by the time it is sent, so it is sent with its length.
  const chunked = await exchangeRaw(edge.target, [
    get("/", "Transfer-Encoding: chunked\r\n", "POST"),
    "5\r\nhello\r\n",
    "6\r\n world\r\n0\r\n\r\n",
  ]);
  expect(chunked).toContain("\r\nX-Framing: 11\r\n");
  expect(chunked.endsWith("\r\n\r\nhello world")).toBe(true);
  // A kept connection may have been closed unseen: what may not be repeated gets one of its own.
  expect(connections).toBe(3);
  const last = await exchangeRaw(edge.target, [get("/")]);
  expect(last).toMatch(/^HTTP\/1\.1 200 /);
  expect(connections).toBe(3);
  server.closeAllConnections();
  server.close();
});

test("an answer that is cut off never looks complete to the client", async () => {
  const halves = {
    sized: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    chunked: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
  };
  await using server = await startRaw((socket, text) => {
    socket.end(text.startsWith("GET /chunked") ? halves.chunked : halves.sized);
  });
  await using edge = await edgeTo([server.address]);
  const sized = await exchangeRaw(edge.target, [get("/sized")]);
  expect(sized).toMatch(/\r\nContent-Length: 100\r\n.*half$/s);
  const chunked = await exchangeRaw(edge.target, [get("/chunked")]);
  expect(chunked).toMatch(/\r\nTransfer-Encoding: chunked\r\n/);
  expect(chunked).not.toMatch(/0\r\n\r\n$/);
});

test("bad, late and missing answers are honest errors", async () => {
  await using server = await startRaw((socket, text) => {
    if (text.startsWith("GET /garbage")) socket.write("\0\0\0");
    if (text.startsWith("GET /both")) {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    }
    if (text.startsWith("GET /dead")) socket.destroy();
  });
  await using edge = await edgeTo([server.address], 2_000);
  const statusOf = async (target: string) =>
    (await exchangeRaw(edge.target, [get(target)])).split("\r\n")[0];
  expect(await statusOf("/garbage")).toBe("HTTP/1.1 502 Bad Gateway");
  expect(await statusOf("/both")).toBe("HTTP/1.1 502 Bad Gateway");
  expect(await statusOf("/dead")).toBe("HTTP/1.1 502 Bad Gateway");
  expect(await statusOf("/late")).toBe("HTTP/1.1 504 Gateway Timeout");
  await edge.configure({
    routes: [route("/*", { kind: "upstream", upstream: "gone" })],
    upstreams: { gone: { servers: [`127.0.0.1:${await freePort()}`] } },
  });
  expect(await statusOf("/")).toBe("HTTP/1.1 502 Bad Gateway");
});

test("early hints reach a client of HTTP/1.1 and no other", async () => {
  await using server = await startRaw((socket) => {
    socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    socket.write(ok);
  });
  await using edge = await edgeTo([server.address]);
  const modern = await exchangeRaw(edge.target, [get("/")]);
  expect(modern).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>\r\n\r\nHTTP\/1\.1 200 /);
  const old = await exchangeRaw(edge.target, ["GET / HTTP/1.0\r\nHost: a\r\n\r\n"]);
  expect(old).toMatch(/^HTTP\/1\.1 200 /);
});

test("a kept connection that dies costs a safe request nothing, another one an honest 502", async () => {
  await using server = await startRaw((socket, _text, _connection, count) => {
    if (count % 2 === 0) socket.destroy();
    else socket.write(ok);
  });
  await using edge = await edgeTo([server.address]);
  for (let round = 0; round < 4; round += 1) {
    expect(await exchangeRaw(edge.target, [get("/")])).toMatch(/^HTTP\/1\.1 200 /);
  }
  const before = server.requests.filter((text) => text.startsWith("POST")).length;
  const post = await exchangeRaw(edge.target, [get("/", "Content-Length: 1\r\n", "POST"), "x"]);
  expect(post).toMatch(/^HTTP\/1\.1 (?:200|502) /);
  expect(server.requests.filter((text) => text.startsWith("POST")).length).toBe(before + 1);
});

test("a smuggled second answer reaches no other client", async () => {
  await using server = await startRaw((socket, text) => {
    socket.write(text.startsWith("GET /evil") ? `${ok}${ok.replace("ok", "NO")}` : ok);
  });
  await using edge = await edgeTo([server.address]);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      exchangeRaw(edge.target, [get(index % 4 === 0 ? "/evil" : "/good")]),
    ),
  );
  expect(answers.filter((answer) => !answer.endsWith("\r\n\r\nok"))).toEqual([]);
});

test("a client that leaves ends its request at the server, and a replaced plan the idle connections", async () => {
  await using server = await startRaw((socket, text) => {
    if (text.startsWith("GET /idle")) socket.write(ok);
  });
  await using edge = await edgeTo([server.address]);
  await exchangeRaw(edge.target, [get("/idle")]);
  const leaving = connect(edge.target);
  leaving.write(get("/hang"));
  await eventually("the request", () =>
    server.requests.some((text) => text.startsWith("GET /hang")),
  );
  leaving.resetAndDestroy();
  await eventually("the request to end", () => server.sockets.some((socket) => socket.destroyed));
  await exchangeRaw(edge.target, [get("/idle")]);
  await edge.configure({ routes: [] });
  await eventually("all to be closed", () => server.sockets.every((socket) => socket.destroyed));
});
