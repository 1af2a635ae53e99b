/** Quick writes are writes: in order, counted while the kernel takes no more, and nothing is lost. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { eventually } from "@stack/testkit";
import { expect, onTestFinished, test } from "vitest";
import { createQuickener } from "../src/io/thread/quicken.ts";

/** Two ends of a connection, the first with quick writes; the second does not read yet. */
async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const far = connect({ port: address.port, host: "127.0.0.1", allowHalfOpen: true });
  far.pause();
  const [near] = await accepted;
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  createQuickener()(near);
  return [near, far];
}

function collect(socket: Socket): { text: string } {
  const collected = { text: "" };
  socket.setEncoding("latin1").on("data", (piece: string) => {
    collected.text += piece;
  });
  socket.resume();
  return collected;
}

/** Until some of it waits in the process. */
function fill(socket: Socket): string {
  let sent = "";
  for (let n = 0; socket.writableLength === 0; n += 1) {
    const text = `${n};`.repeat(2000);
    socket.write(text, "latin1");
    sent += text;
    if (n > 10_000) throw new Error("the kernel takes all of it");
  }
  return sent;
}

test("a text the kernel takes leaves nothing in the stream and arrives", async () => {
  const [near, far] = await socketPair();
  const collected = collect(far);

  expect(near.write("hé", "latin1")).toBe(true);

  expect(near.writableLength).toBe(0);
  await eventually("the text", () => collected.text === "hé");
});

test("what the kernel does not take is counted, drains, and all arrives in order", async () => {
  const [near, far] = await socketPair();
  let sent = fill(near);
  expect(near.writableLength).toBeGreaterThan(0);
  for (const text of ["one", "two", "x".repeat(100_000)]) {
    near.write(text, "latin1");
    sent += text;
  }
  expect(near.writableNeedDrain).toBe(true);
  const drained = once(near, "drain");

  const collected = collect(far);
  await drained;

  expect(near.writableLength).toBe(0);
  near.write("last", "latin1");
  await eventually("the last text", () => collected.text.endsWith("last"));
  expect(collected.text === `${sent}last`).toBe(true);
});

test("buffers as well: what waits is kept until it is sent", async () => {
  const [near, far] = await socketPair();
  let sent = "";
  for (let n = 0; near.writableLength === 0; n += 1) {
    const bytes = Buffer.alloc(64 * 1024, `${n};`);
    near.write(bytes);
    sent += bytes.toString("latin1");
    if (n > 10_000) throw new Error("the kernel takes all of it");
  }
  near.end("last");

  const collected = collect(far);
  await once(far, "end");

  expect(collected.text === `${sent}last`).toBe(true);
});

test("an end after it waits until all is sent", async () => {
  const [near, far] = await socketPair();
  const sent = fill(near);
  near.end();

  const collected = collect(far);
  await once(far, "end");

  expect(collected.text === sent).toBe(true);
});

test("texts and buffers keep their order, corked or not", async () => {
  const [near, far] = await socketPair();
  const collected = collect(far);

  near.write("a", "latin1");
  near.write(Buffer.from("b"));
  near.cork();
  near.write("c", "latin1");
  near.write(Buffer.from("d"));
  near.uncork();
  near.write("e", "latin1");

  await eventually("all five", () => collected.text === "abcde");
});

test("destroyed with a write under way it closes without an error", async () => {
  const [near] = await socketPair();
  const errors: Error[] = [];
  near.on("error", (error) => errors.push(error));
  fill(near);

  near.destroy();
  await once(near, "close");

  expect(errors).toEqual([]);
});

test("a peer that is gone is an error of the socket", async () => {
  const [near, far] = await socketPair();
  far.resetAndDestroy();
  const failed = once(near, "error");

  near.resume();
  near.write("x", "latin1");

  const [error] = (await failed) as [NodeJS.ErrnoException];
  expect(["ECONNRESET", "EPIPE"]).toContain(error.code);
});
