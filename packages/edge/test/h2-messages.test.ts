/**
 * Every request of `fixtures/messages/h2-requests.ts` by its frames through a real edge, and what a
 * server gets of it in HTTP/1.1, byte for byte. Each is followed by a request of its own connection.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, limits, route } from "./edge-process.ts";
import { h2Cases } from "./fixtures/messages/h2-requests.ts";
import { type Recorder, startRecorder } from "./fixtures/messages/recorder.ts";
import { readMessages, valuesOf } from "./fixtures/messages/wire.ts";
import { connectH2, encodeFields, flag, frameType } from "./fixtures/raw-h2.ts";
import { startSecureEdge } from "./fixtures/secure.ts";

let recorder: Recorder;
let edge: EdgeProcess;

beforeAll(async () => {
  recorder = await startRecorder((received, socket) => {
    const messages = received.includes("\r\n\r\n") ? readMessages(received, "request") : [];
    if (messages.length > 0 && messages.every(({ isComplete }) => isComplete)) {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    }
  });
  edge = await startSecureEdge({
    threads: 1,
    plan: {
      limits: { ...limits, bodyBytes: 64 * 1024 },
      routes: [route("/*", { kind: "upstream", upstream: "recorder" })],
      upstreams: { recorder: { servers: [recorder.address] } },
    },
  });
}, 60_000);

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await recorder[Symbol.asyncDispose]();
}, 60_000);

const { data, headers, rstStream, goaway } = frameType;
/** `:status: 200` of RFC 7541's table; others are literals with the name of entry 8. */
const statusBytes: Readonly<Record<number, number>> = { 136: 200, 140: 400 };

/** The status of a HEADERS frame, which the edge's HPACK begins with. */
function statusOf(payload: Buffer): number {
  const at = (payload[0] ?? 0) >> 5 === 1 ? 1 : 0; // a change of the table's size comes first
  const known = statusBytes[payload[at] ?? 0];
  if (known !== undefined) return known;
  const length = (payload[at + 1] ?? 0) & 0x7f;
  const isHuffman = ((payload[at + 1] ?? 0) & 0x80) !== 0;
  const bytes = payload.subarray(at + 2, at + 2 + length);
  return Number(isHuffman ? decodeDigits(bytes) : bytes.toString());
}

/** Digits of RFC 7541's Huffman code: 0, 1, 2 have five bits, the others six. */
function decodeDigits(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let text = "";
  while (bits.length >= 5) {
    const short = Number.parseInt(bits.slice(0, 5), 2);
    if (short < 3) text += short;
    else {
      const long = Number.parseInt(bits.slice(0, 6), 2);
      if (bits.length < 6 || long < 0x19 || long > 0x1f) break;
      text += 3 + long - 0x19;
    }
    bits = bits.slice(short < 3 ? 5 : 6);
  }
  return text;
}

test.for(h2Cases)("$what", async (one) => {
  recorder.take();
  using client = await connectH2(edge.port);
  client.request(1, one.fields, one.data === undefined);
  if (one.data !== undefined) {
    client.send(data, one.trailers === undefined ? flag.endStream : 0, 1, Buffer.from(one.data));
    if (one.trailers !== undefined) {
      client.send(headers, flag.endHeaders | flag.endStream, 1, encodeFields(one.trailers));
    }
  }
  const end = await client.frame(
    ({ type, stream }) =>
      ((type === headers || type === rstStream) && stream === 1) || type === goaway,
  );
  if (end.type !== goaway) {
    client.request(3, [
      [":method", "GET"],
      [":scheme", "https"],
      [":authority", "after.test"],
      [":path", "/after"],
    ]);
    await client.frame(({ type, stream }) => type === headers && stream === 3);
  }
  const got = recorder.take().flatMap((stream) => readMessages(stream, "request"));
  const whole = got.filter(({ isComplete, line }) => isComplete && !line.includes("/after"));
  expect(got.map(({ line }) => line).join()).not.toContain("evil");
  if (one.verdict === "reset") {
    expect([rstStream, goaway]).toContain(end.type);
    expect(whole).toEqual([]);
    return;
  }
  expect(end.type).toBe(headers);
  if (typeof one.verdict === "number") {
    expect(statusOf(end.payload)).toBe(one.verdict);
    expect(whole).toEqual([]);
    return;
  }
  expect(statusOf(end.payload)).toBe(200);
  expect(whole).toHaveLength(1);
  const [message] = whole;
  if (message === undefined) return;
  const request = message.line.replace(/ HTTP\/1\.1$/, "");
  expect(message.body === "" ? request : `${request} + ${message.body}`).toBe(one.verdict);
  expect(valuesOf(message, "host")).toHaveLength(1);
  for (const line of one.lines) {
    const [, name = "", value] = /^-?([^:]+)(?:: (.*))?$/.exec(line) ?? [];
    if (value === undefined) expect(valuesOf(message, name), name).toEqual([]);
    else expect(valuesOf(message, name), name).toContain(value);
  }
});
