import { expect, test } from "vitest";
import { createFrameGuard } from "./frame-guard.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

function frame(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const body = Buffer.from("x");
const headers = (stream: number, flags = 4): Buffer => frame(1, flags, stream, Buffer.alloc(40));

test.for<[what: string, frames: readonly Buffer[], code: number]>([
  ["an exchange", [headers(1), frame(0, 0, 1, body), frame(0, 1, 1, body), headers(3, 5)], 0],
  ["a trailer", [headers(1), frame(0, 0, 1, body), headers(1, 5)], 0],
  ["a reset of a stream that has ended", [headers(1, 5), frame(3, 0, 1, Buffer.alloc(4))], 0],
  ["DATA after the end", [headers(1, 5), frame(0, 0, 1, body)], 5],
  ["HEADERS after the end", [headers(1, 5), headers(1, 5)], 5],
  ["DATA after a reset", [headers(1), frame(3, 0, 1, Buffer.alloc(4)), frame(0, 1, 1, body)], 5],
  ["a stream that was left out", [headers(5), headers(3)], 1],
  ["PRIORITY on 0", [frame(2, 0, 0, Buffer.alloc(5))], 1],
  ["PRIORITY on itself", [frame(2, 0, 7, Buffer.from([0, 0, 0, 7, 1]))], 1],
  ["HEADERS on itself", [frame(1, 0x25, 7, Buffer.from([0x80, 0, 0, 7, 1, 0x82]))], 1],
  ["padded HEADERS on itself", [frame(1, 0x2d, 7, Buffer.from([1, 0, 0, 0, 7, 1, 0x82, 0]))], 1],
  ["HEADERS on another", [frame(1, 0x25, 7, Buffer.from([0, 0, 0, 5, 1, 0x82]))], 0],
  ["PRIORITY on another", [frame(2, 0, 7, Buffer.from([0, 0, 0, 5, 1])), headers(9)], 0],
  ["10,001 empty DATA", [headers(1), ...Array<Buffer>(10_001).fill(frame(0, 0, 1))], 11],
  ["10,001 DATA of 1 byte", [headers(1), ...Array<Buffer>(10_001).fill(frame(0, 0, 1, body))], 11],
  ["10,000 of them", [headers(1), ...Array<Buffer>(10_000).fill(frame(0, 0, 1))], 0],
])("%s, in one piece and byte by byte", ([, frames, code]) => {
  const bytes = Buffer.concat([preface, ...frames]);
  expect(createFrameGuard().inspect(bytes, 0)).toBe(code);
  const guard = createFrameGuard();
  let found = 0;
  for (let at = 0; at < bytes.length && found === 0; at += 1) {
    found = guard.inspect(bytes.subarray(at, at + 1), 0);
  }
  expect(found).toBe(code);
});

test("floods are counted in windows", () => {
  const guard = createFrameGuard();
  const many = Buffer.concat(Array<Buffer>(9_000).fill(frame(8, 0, 0, Buffer.alloc(4))));
  expect(guard.inspect(preface, 0)).toBe(0);
  expect(guard.inspect(many, 0)).toBe(0);
  expect(guard.inspect(many, 10_000)).toBe(0);
  expect(guard.inspect(many, 11_000)).toBe(11);
});

test.for<[what: string, frames: readonly Buffer[]]>([
  ["in one frame", [frame(1, 5, 1, Buffer.from([0x82, 0x87, 0, 1, 97, 1, 98]))]],
  [
    "with padding",
    [frame(1, 0xd, 1, Buffer.from([3, 0x82, 0x87, 0, 1, 97, 1, 98, 0x82, 0x82, 0x82]))],
  ],
  ["with priority", [frame(1, 0x25, 1, Buffer.from([0, 0, 0, 0, 9, 0x82, 0x87, 0, 1, 97, 1, 98]))]],
  [
    "with both, in two frames",
    [
      frame(1, 0x28, 1, Buffer.from([2, 0, 0, 0, 0, 9, 0x82, 0x87, 0, 1, 0x82, 0x82])),
      frame(9, 4, 1, Buffer.from([97, 1, 98])),
    ],
  ],
  [
    "with an empty frame and a trailer",
    [
      frame(1, 0, 1, Buffer.from([0x82, 0x87, 0, 1, 97])),
      frame(9, 0, 1),
      frame(9, 4, 1, Buffer.from([1, 98])),
      frame(0, 0, 1, body),
      frame(1, 5, 1, Buffer.from([0x82])),
    ],
  ],
])("the fields of a request are counted %s, in one piece and byte by byte", ([, frames]) => {
  const bytes = Buffer.concat([preface, ...frames, headers(3, 5)]);
  const whole = createFrameGuard();
  expect(whole.inspect(bytes, 0)).toBe(0);
  const pieces = createFrameGuard();
  for (const byte of bytes) expect(pieces.inspect(Buffer.of(byte), 0)).toBe(0);
  for (const guard of [whole, pieces]) {
    expect(guard.takeFieldCount(1)).toBe(3);
    expect(guard.takeFieldCount(1)).toBeUndefined();
  }
});

test("what a client still sends to a stream that we have ended is let pass, for the last 1,024 of them", () => {
  const guard = createFrameGuard();
  guard.inspect(preface, 0);
  for (let stream = 1; stream < 2_200; stream += 2) {
    guard.inspect(headers(stream), 0);
    guard.closed(stream);
  }
  expect(guard.inspect(frame(0, 0, 2_199, body), 0)).toBe(0);
  expect(guard.inspect(frame(0, 1, 2_199, body), 0)).toBe(0);
  expect(guard.inspect(frame(0, 1, 2_199, body), 0)).toBe(5);
  expect(guard.inspect(frame(0, 1, 1, body), 0)).toBe(5);
});

test("an answer to a PING that was not sent becomes a frame that nobody knows", () => {
  const pong = frame(6, 1, 0, Buffer.alloc(8));
  const ping = frame(6, 0, 0, Buffer.alloc(8));
  const bytes = Buffer.concat([preface, pong, ping, frame(6, 1, 0, Buffer.alloc(7)), pong]);
  const guard = createFrameGuard();
  // The last one comes in two pieces.
  const cut = bytes.length - 15;
  const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
  for (const piece of pieces) expect(guard.inspect(piece, 0)).toBe(0);
  const types = [24, 41, 58, 74].map((start) => bytes[start + 3]);
  expect(types).toEqual([255, 6, 6, 255]);
});

test("a stream's window beyond its bound costs the stream, unless that much was sent", () => {
  const overflown: number[] = [];
  let sent = 0;
  const guard = createFrameGuard({
    sentBytes: () => sent,
    initialWindow: () => 65_535,
    onOverflow: (stream) => overflown.push(stream),
  });
  const most = frame(8, 0, 1, Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  const settings = frame(4, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
  guard.inspect(Buffer.concat([preface, settings, headers(1), most]), 0);
  expect(overflown).toEqual([]);
  sent = 2 ** 31 + 2 ** 16;
  guard.inspect(Buffer.from(most), 0);
  expect(overflown).toEqual([]);
  const beyond = Buffer.concat([most, frame(8, 0, 1, Buffer.from([0, 0, 0, 1]))]);
  guard.inspect(beyond, 0);
  expect([overflown, beyond[3], beyond[16]]).toEqual([[1], 255, 8]);
});
