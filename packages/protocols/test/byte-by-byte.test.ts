/** What a peer may send byte by byte must cost no more than bytes cost: in CPU time, as a bound. */
import { expect, test } from "vitest";
import {
  createFastcgiRequestReader,
  createScgiReader,
  createUwsgiReader,
  encodeFastcgiRequest,
  encodeScgiRequest,
  encodeUwsgiRequest,
  readFastcgiRequest,
  readScgi,
  readUwsgi,
} from "../src/index.ts";

const block = `A\0${"x".repeat(60_000)}`;

/** A reader from its first byte on: takes buffer[start, end) and says whether it has the head. */
const readers = {
  uwsgi: () => {
    const reader = createUwsgiReader();
    return (buffer: Buffer, start: number, end: number) => {
      readUwsgi(reader, buffer, start, end);
      return reader.done;
    };
  },
  scgi: () => {
    const reader = createScgiReader();
    return (buffer: Buffer, start: number, end: number) => {
      readScgi(reader, buffer, start, end);
      return reader.done;
    };
  },
  fastcgi: () => {
    const reader = createFastcgiRequestReader();
    return (buffer: Buffer, start: number, end: number) => {
      readFastcgiRequest(reader, buffer, start, end);
      return reader.event === "params";
    };
  },
};

test.each([
  ["uwsgi", encodeUwsgiRequest(block)],
  ["scgi", encodeScgiRequest(block)],
  ["fastcgi", encodeFastcgiRequest(block, false)],
] as const)("a %s head of 60 KB costs little, a byte at a time", (protocol, text) => {
  const bytes = Buffer.from(text, "latin1");
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const take = readers[protocol]();
    const started = process.threadCpuUsage();
    let isDone = false;
    for (let at = 0; at < bytes.length; at++) isDone = take(bytes, at, at + 1);
    const { user, system } = process.threadCpuUsage(started);
    expect(isDone).toBe(true);
    best = Math.min(best, user + system);
  }
  expect(best / 1000).toBeLessThan(250);
});
