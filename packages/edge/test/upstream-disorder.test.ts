/**
 * Servers and clients that behave in every bad way at once, over kept connections: nobody gets an answer to
 * somebody else's request, nothing hangs and nothing is left. What a server says unasked when the next
 * request has just left cannot be told from its answer, in HTTP/1.1 by nobody: none does so here.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { eventually, exchangeRaw } from "@stack/testkit";
import { expect, onTestFinished, test } from "vitest";
import { type EdgeProcess, route, startEdge } from "./edge-process.ts";
import { randomFrom } from "./fixtures/random-from.ts";

const poison = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n[poison]";

/** Each body says which request it answers. */
function misbehave(socket: Socket, path: string, dice: number): void {
  const body = `[${path}]`;
  const sized = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n`;
  switch (dice) {
    case 0:
      socket.destroy();
      break;
    case 1:
      socket.end("HTTP/1.1 200 OK\r\nContent-Le");
      break;
    case 2:
      socket.end(sized + body.slice(0, 4));
      break;
    case 3:
      socket.write(sized + body + poison);
      break;
    case 4:
      socket.end(sized + body);
      break;
    case 5:
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
      setImmediate(() => socket.write("0\r\n\r\n"));
      break;
    case 6:
      socket.write("this is no answer\r\n\r\n");
      break;
    case 7:
      socket.end(`HTTP/1.1 200 OK\r\n\r\n${body}`);
      break;
    case 8:
      socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${sized}${body}`);
      break;
    case 9:
      socket.write(sized.slice(0, 20));
      setImmediate(() => socket.write(sized.slice(20) + body));
      break;
    case 10:
      socket.write(sized + body);
      socket.resetAndDestroy();
      break;
    default:
      socket.write(sized + body);
  }
}

/** Returns its address. */
async function startServer(random: (below: number) => number): Promise<string> {
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (piece: string) => {
      text += piece;
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const [, path = ""] = text.split(" ", 2);
        text = text.slice(end + 4);
        misbehave(socket, path, random(24));
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** One client with one habit; resolves with the requests it sent and all it got. */
function client(edge: EdgeProcess, name: string, dice: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const get = (path: string, fields = ""): string =>
      `GET /${name}/${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;
    let received = "";
    const socket = connect(edge.target);
    socket.setEncoding("latin1").on("data", (piece: string) => {
      received += piece;
      if (dice === 1) socket.resetAndDestroy();
      if (dice === 2 && received.split("[").length === 2) socket.write(get("late", last));
    });
    const last = "Connection: close\r\n";
    socket.on("error", () => {});
    socket.on("close", () => resolve([name, received]));
    socket.on("connect", () => {
      if (dice === 0) socket.write(get("gone"), () => socket.resetAndDestroy());
      else if (dice === 2) socket.write(get("first"));
      else if (dice === 3) socket.end(get("half"));
      else if (dice === 4) socket.write(get("one") + get("two") + get("three", last));
      else if (dice === 5) {
        socket.write(get("cut", last).slice(0, 9));
        setImmediate(() => socket.write(get("cut", last).slice(9)));
      } else socket.write(get("plain", last));
    });
    // It has no answer to wait for when its first one failed, and closes nothing itself.
    socket.setTimeout(1_000, () => socket.destroy());
  });
}

test("whatever servers and clients do, an answer is to one's own request", async () => {
  const random = randomFrom(20_261_130);
  const address = await startServer(random);
  await using edge = await startEdge({
    threads: 2,
    plan: {
      routes: [
        route("/*", { kind: "upstream", upstream: "bad" }),
        route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
      ],
      upstreams: { bad: { servers: [address], eject: null } },
    },
  });
  let answered = 0;
  for (let round = 0; round < 12; round += 1) {
    const clients = Array.from({ length: 80 }, (_, at) =>
      client(edge, `${round}-${at}`, random(8)),
    );
    for (const [name = "", received = ""] of await Promise.all(clients)) {
      expect(received).toMatch(/^$|^HTTP\/1\.1 (103|200|502|504) /);
      for (const [body = ""] of received.matchAll(/\[[^\]]*\]?/g)) {
        const own = `[/${name}/`;
        const shared = Math.min(own.length, body.length);
        expect(body.slice(0, shared)).toBe(own.slice(0, shared));
        answered += 1;
      }
    }
  }
  expect(answered).toBeGreaterThan(500);
  await eventually("all connections to have ended", () => edge.metrics()?.connections === 0);
  expect(edge.child.exitCode).toBeNull();
  expect(edge.output()).not.toMatch(
    /a connection failed|a step of the edge failed|thread \d ended/,
  );
  expect(
    await exchangeRaw(edge.target, [
      "GET /fixed HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    ]),
  ).toMatch(/fixed\n$/);
});
