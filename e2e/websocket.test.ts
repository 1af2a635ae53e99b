/** A WebSocket of a Node app, through a reload and to the end of the stack. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { eventually, exchangeRaw } from "@stack/testkit";
import { expect, test } from "vitest";
import { createProject } from "./support/stack.ts";

const chat = (version: string): string => `import { createHash } from "node:crypto";

export default (request, response) => response.end("${version}");

export function upgrade(request, socket) {
  const accept = createHash("sha1")
    .update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    .digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  socket.on("data", (data) => socket.write("${version} " + data));
  socket.on("end", () => socket.end());
}
`;

const handshake =
  "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

interface Chat {
  readonly socket: Socket;
  /** Sends a word and waits for what the app makes of it. */
  readonly say: (word: string, answer: string) => Promise<unknown>;
  readonly closed: Promise<unknown>;
}

async function openChat(port: number): Promise<Chat> {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.on("data", (data) => {
    received += data.toString();
  });
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.write(handshake);
  await eventually("the 101", () => received.startsWith("HTTP/1.1 101 "));
  return {
    socket,
    say: (word, answer) => {
      socket.write(word);
      return eventually(answer, () => received.includes(answer));
    },
    closed,
  };
}

const get = (port: number): Promise<string> =>
  exchangeRaw({ port, host: "127.0.0.1" }, [
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
  ]);

test("a WebSocket stays with its worker through a reload, and ends with the stack", async () => {
  await using project = await createProject(
    (port) => `{
      name: "chat",
      redis: false,
      edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "chat" }] },
      apps: { chat: { kind: "node", entry: "chat.mjs", workers: 1, drainTimeout: "8s" } },
    }`,
    { "chat.mjs": chat("v1") },
  );
  await project.up();
  const old = await openChat(project.port);
  await old.say("one", "v1 one");

  project.write("chat.mjs", chat("v2"));
  const reload = project.stack("reload");
  await eventually("the new code", async () => (await get(project.port)).endsWith("v2"));
  await old.say("two", "v1 two");
  const young = await openChat(project.port);
  await young.say("one", "v2 one");
  old.socket.destroy();
  expect((await reload).code).toBe(0);
  await young.say("two", "v2 two");

  const down = project.stack("down");
  await young.closed;
  expect((await down).code).toBe(0);

  const log = readFileSync(join(project.folder, ".stack/logs/access.log"), "utf8");
  const lines = log.split("\n").filter((line) => line.includes('"status":101'));
  expect(lines).toHaveLength(2);
  expect(project.leftovers()).toEqual([]);
});
