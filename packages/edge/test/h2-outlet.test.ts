/** What leaves on an HTTP/2 connection, and when: windows, turns of streams, a socket that takes no more. */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { createOutlet, type Outlet, type OutStream } from "../src/io/h2/h2-outlet.ts";
import { createTurnEnd } from "../src/io/thread/turn-end.ts";

interface Sent {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: string;
}

function open() {
  const writes: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    writableLength: 0,
    writableEnded: false,
    destroyed: false,
    write: (text: string) => writes.push(text) > 0,
  });
  const outlet = createOutlet(socket as unknown as Socket, createTurnEnd(), (error) => {
    throw error;
  });
  return { socket, outlet, writes, frames: () => framesOf(writes.splice(0).join("")) };
}

function framesOf(text: string): Sent[] {
  const bytes = Buffer.from(text, "latin1");
  const frames: Sent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    frames.push({
      type: bytes[at + 3] ?? 0,
      flags: bytes[at + 4] ?? 0,
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.toString("latin1", at + 9, end),
    });
    at = end;
  }
  return frames;
}

function streamOf(id: number, onMoved = (): void => {}): OutStream {
  return {
    id,
    sendWindow: 65_535,
    pieces: [],
    waiting: 0,
    sent: 0,
    wantsEnd: false,
    hasSaidEnd: false,
    isListed: false,
    onMoved,
  };
}

function give(outlet: Outlet, stream: OutStream, piece: Buffer | string, isLast = false): void {
  stream.pieces.push(piece);
  stream.waiting += piece.length;
  stream.wantsEnd = isLast;
  outlet.list(stream);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("what is said in a turn leaves in one write, and the end with the last of a body", async () => {
  const { outlet, writes } = open();
  const stream = streamOf(1);
  outlet.put("");
  give(outlet, stream, "one ");
  give(outlet, stream, Buffer.from("twö ", "latin1"), true);
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toHaveLength(1);
  expect(framesOf(writes[0] ?? "")).toEqual([
    { type: 0, flags: 1, stream: 1, payload: "one twö " },
  ]);
  expect(stream.hasSaidEnd).toBe(true);
});

test("an end that comes later is a frame of its own, and is said once", async () => {
  const { outlet, frames } = open();
  const stream = streamOf(1);
  give(outlet, stream, "body");
  await turn();
  stream.wantsEnd = true;
  outlet.list(stream);
  outlet.list(stream);
  await turn();
  outlet.list(stream);
  await turn();
  expect(frames().map(({ flags, payload }) => [flags, payload])).toEqual([
    [0, "body"],
    [1, ""],
  ]);
});

test("no more leaves than a stream's window has room for", async () => {
  const { outlet, frames } = open();
  const stream = streamOf(1);
  stream.sendWindow = 3;
  give(outlet, stream, "abcde", true);
  await turn();
  expect(frames()).toEqual([{ type: 0, flags: 0, stream: 1, payload: "abc" }]);
  stream.sendWindow = -1; // the client has made its windows smaller
  outlet.list(stream);
  await turn();
  stream.sendWindow = 10;
  outlet.list(stream);
  await turn();
  expect(frames()).toEqual([{ type: 0, flags: 1, stream: 1, payload: "de" }]);
  expect(stream.sendWindow).toBe(8);
});

test("the window of all streams is shared: a frame of each in turn", async () => {
  const { outlet, frames } = open();
  const streams = [streamOf(1), streamOf(3), streamOf(5)];
  for (const stream of streams) give(outlet, stream, "x".repeat(40_000), true);
  await turn();
  const first = frames();
  expect(first.map(({ stream }) => stream)).toEqual([1, 3, 5, 1]);
  expect(first.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(65_535);
  expect(outlet.widen(1_000_000)).toBe(true);
  await turn();
  const left = frames();
  expect(left.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(120_000 - 65_535);
  expect(left.filter(({ flags }) => flags === 1).map(({ stream }) => stream)).toEqual([1, 3, 5]);
  expect(outlet.widen(2 ** 31 - 1)).toBe(false);
});

test("who came first has no more of a small window than who came last", async () => {
  const { outlet, frames } = open();
  outlet.widen(-65_535);
  const streams = Array.from({ length: 10 }, (_, at) => streamOf(1 + 2 * at));
  for (const stream of streams) give(outlet, stream, "x".repeat(40_000));
  for (let round = 0; round < 20; round += 1) {
    outlet.widen(1_000);
    await turn();
  }
  expect(frames().map(({ stream }) => stream)).toEqual([
    ...streams.map(({ id }) => id),
    ...streams.map(({ id }) => id),
  ]);
});

test("a stream that ends with what its last piece made room for says so", async () => {
  const { outlet, frames } = open();
  const stream = streamOf(1, () => {
    stream.wantsEnd = true;
    outlet.list(stream);
  });
  give(outlet, stream, "all");
  stream.wantsEnd = false;
  await turn();
  expect(frames().map(({ flags, payload }) => [flags, payload])).toEqual([
    [0, "all"],
    [1, ""],
  ]);
});

test("a socket that takes no more is given no more until it says so", async () => {
  const { outlet, frames, socket } = open();
  outlet.widen(1_000_000);
  let moved = 0;
  const stream = streamOf(1, () => {
    moved += 1;
  });
  stream.sendWindow = 1_000_000;
  socket.writableLength = 128 * 1024;
  expect(outlet.isFull()).toBe(true);
  give(outlet, stream, "x".repeat(20_000), true);
  outlet.put("\0\0\0\x04\x01\0\0\0\0");
  await turn();
  expect(frames().map(({ type }) => type)).toEqual([4]);
  socket.writableLength = 0;
  socket.emit("drain");
  expect(frames().map(({ payload }) => payload.length)).toEqual([16_384, 3_616]);
  expect(moved).toBe(2);
});

test("what a stream adds when some of it has left follows in the same turn", async () => {
  const { outlet, frames } = open();
  const pieces = ["two", "three"];
  const stream = streamOf(1, () => {
    const piece = pieces.shift();
    if (piece !== undefined) give(outlet, stream, piece, pieces.length === 0);
  });
  give(outlet, stream, "one");
  await turn();
  await turn();
  expect(
    frames()
      .map(({ payload }) => payload)
      .join(""),
  ).toBe("onetwothree");
});

test("nothing is written to a socket that has ended", async () => {
  const { outlet, writes, socket } = open();
  outlet.put("\0\0\0\x04\x01\0\0\0\0");
  socket.writableEnded = true;
  await turn();
  expect(writes).toEqual([]);
});
