/** All ways of reading an accepted socket behave the same: past the stream, in place, and by events. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createAdopter, probeAdoption } from "../src/io/thread/adopt-socket.ts";
import { createQuickener } from "../src/io/thread/quicken.ts";

async function connectTo(server: Server): Promise<Socket> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(client, "connect");
  return client;
}

test("this Node lets accepted sockets be read in place", async () => {
  expect(await probeAdoption()).toBe(true);
});

test.for([
  { inPlace: true, isQuick: true },
  { inPlace: true, isQuick: false },
  { inPlace: false, isQuick: true },
  { inPlace: false, isQuick: false },
])(
  "bytes, pauses and half-close, in place: $inPlace, past the stream: $isQuick",
  async ({ inPlace, isQuick }) => {
    const adopt = createAdopter(Buffer.alloc(1024), inPlace);
    let text = "";
    let takes = true;
    let ended = false;
    let accepted: Socket | undefined;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      accepted = socket;
      socket.on("end", () => {
        ended = true;
        socket.end("bye");
      });
      adopt(socket, (bytes, buffer) => {
        text += buffer.toString("latin1", 0, bytes);
        return takes;
      });
      if (isQuick) createQuickener()(socket);
    });
    const client = await connectTo(server);

    client.write("one");
    await eventually("the first bytes", () => text === "one");
    takes = false;
    client.write("two");
    await eventually("the last bytes before the pause", () => text === "onetwo");
    const large = "x".repeat(20 * 1024 * 1024);
    client.write(large);
    client.end();
    await eventually("the pause to hold", () => client.writableLength > 0);
    expect(text.length).toBeLessThan(128 * 1024);
    expect(ended).toBe(false);
    takes = true;
    accepted?.resume();
    const received = once(client.setEncoding("latin1"), "data");
    expect(await received).toEqual(["bye"]);
    expect(text.length).toBe(6 + large.length);
    expect(ended).toBe(true);
    client.destroy();
    server.close();
  },
);

test("a reset is an error of a socket that is read past its stream", async () => {
  const adopt = createAdopter(Buffer.alloc(1024), true);
  const events: string[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", (error: NodeJS.ErrnoException) => events.push(error.code ?? ""));
    socket.on("close", () => events.push("closed"));
    adopt(socket, (bytes, buffer) => {
      events.push(buffer.toString("latin1", 0, bytes));
      return true;
    });
    createQuickener()(socket);
  });
  const client = await connectTo(server);
  client.write("one");
  await eventually("the first bytes", () => events.length === 1);
  client.resetAndDestroy();
  await eventually("the end", () => events.length === 3);
  expect(events).toEqual(["one", "ECONNRESET", "closed"]);
  server.close();
});
