/** The worker protocol, both sides against each other, and the numbers of its Python twin. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut } from "../../test/support/message-reader.ts";
import {
  bodyFrameStart,
  encodeHead,
  encodeInform,
  encodeRequest,
  encodeWindow,
  endFrame,
  failFrame,
  frameStart,
  goawayFrame,
  readyFrame,
} from "./encode-frames.ts";
import {
  frame,
  frameHeaderBytes,
  initialWindow,
  maxBodyPayload,
  maxFramePayload,
  streamWindow,
  workerProtocolVersion,
} from "./frames.ts";
import { createEdgeFrameReader, createWorkerFrameReader, type FrameReader } from "./read-frames.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

interface Log {
  readonly events: string[];
  readonly reader: FrameReader;
}

function edgeSide(onEvent: (event: string, reader: FrameReader) => void = () => {}): Log {
  const events: string[] = [];
  const say = (event: string): void => {
    events.push(event);
    onEvent(event, reader);
  };
  const reader = createWorkerFrameReader({
    onReady: (version) => say(`ready ${version}`),
    onInform: (text) => say(`inform ${text}`),
    onHead: (text) => say(`head ${text}`),
    onBody: (buffer, start, end) => addBody(events, buffer, start, end),
    onEnd: () => say("end"),
    onFail: () => say("fail"),
    onWindow: (size) => say(`window ${size}`),
    onGoaway: () => say("goaway"),
  });
  return { events, reader };
}

function workerSide(): Log {
  const events: string[] = [];
  const reader = createEdgeFrameReader({
    onRequest: (block, hasBody) => events.push(`request ${block} ${hasBody}`),
    onBody: (buffer, start, end) => addBody(events, buffer, start, end),
    onEnd: () => events.push("end"),
    onWindow: (size) => events.push(`window ${size}`),
  });
  return { events, reader };
}

/** Pieces of one body are one event, however they were cut. */
function addBody(events: string[], buffer: Buffer, start: number, end: number): void {
  const text = buffer.toString("latin1", start, end);
  const last = events.length - 1;
  if (events[last]?.startsWith("body ")) events[last] += text;
  else events.push(`body ${text}`);
}

function push(reader: FrameReader, pieces: readonly Buffer[]): string {
  const shared = Buffer.alloc(Math.max(1, ...pieces.map((piece) => piece.length)));
  for (const piece of pieces) {
    piece.copy(shared);
    const problem = reader.push(shared, 0, piece.length);
    if (problem !== "") return problem;
    shared.fill(0xee);
  }
  return "";
}

const offsets = fc.array(fc.nat({ max: 2000 }), { maxLength: 16 });
const text = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((array) => {
  return Buffer.from(array).toString("latin1");
});

test("what an edge writes a worker reads, at any split", () => {
  fc.assert(
    fc.property(text, text, fc.nat({ max: 2 ** 32 - 1 }), offsets, (block, body, size, at) => {
      const { events, reader } = workerSide();
      const stream = [
        encodeRequest(block, false),
        encodeWindow(size),
        encodeRequest(block, true),
        bodyFrameStart(body.length),
        body,
        endFrame,
        encodeRequest("", false),
      ].join("");
      expect(push(reader, cut(bytes(stream), at))).toBe("");
      expect(events).toEqual([
        `request ${block} false`,
        `window ${size}`,
        `request ${block} true`,
        `body ${body}`,
        "end",
        "request  false",
      ]);
      expect(reader.isMidFrame()).toBe(false);
    }),
  );
});

test("what a worker writes an edge reads, at any split", () => {
  fc.assert(
    fc.property(text, text, offsets, (head, body, at) => {
      const { events, reader } = edgeSide();
      const stream = [
        readyFrame,
        encodeInform(head),
        encodeHead(head),
        bodyFrameStart(body.length),
        body,
        bodyFrameStart(body.length),
        body,
        encodeWindow(5),
        endFrame,
        readyFrame,
        failFrame,
        goawayFrame,
        readyFrame,
      ].join("");
      expect(push(reader, cut(bytes(stream), at))).toBe("");
      expect(events).toEqual([
        `ready ${workerProtocolVersion}`,
        `inform ${head}`,
        `head ${head}`,
        `body ${body}${body}`,
        "window 5",
        "end",
        `ready ${workerProtocolVersion}`,
        "fail",
        "goaway",
        `ready ${workerProtocolVersion}`,
      ]);
    }),
  );
});

describe("an edge closes the connection of a worker that sends", () => {
  test.each([
    ["an answer before READY", encodeHead("200 OK\r\n")],
    ["FAIL before READY", failFrame],
    ["a body without a head", `${readyFrame}${bodyFrameStart(1)}a`],
    ["END without a head", readyFrame + endFrame],
    ["two heads", readyFrame + encodeHead("200 OK\r\n") + encodeHead("200 OK\r\n")],
    ["FAIL after its head", readyFrame + encodeHead("200 OK\r\n") + failFrame],
    ["INFORM after its head", readyFrame + encodeHead("200 OK\r\n") + encodeInform("103 X\r\n")],
    ["READY within an answer", readyFrame + encodeHead("200 OK\r\n") + readyFrame],
    ["READY twice", readyFrame + readyFrame],
    ["GOAWAY twice", goawayFrame + goawayFrame],
    ["READY without a version", frameStart(frame.ready, 0)],
    ["WINDOW without a number", `${readyFrame}${frameStart(frame.window, 2)}ab`],
    ["END with a payload", `${readyFrame}${encodeHead("")}${frameStart(frame.end, 1)}a`],
    ["FAIL with a payload", `${readyFrame}${frameStart(frame.fail, 1)}a`],
    ["an empty BODY", readyFrame + encodeHead("200 OK\r\n") + frameStart(frame.body, 0)],
    ["a BODY beyond its bound", readyFrame + encodeHead("") + bodyFrameStart(maxBodyPayload + 1)],
    ["a HEAD beyond its bound", readyFrame + frameStart(frame.head, maxFramePayload + 1)],
    ["what only an edge may say", readyFrame + encodeRequest("A\0B", false)],
    ["an unknown frame", frameStart(99, 0)],
    ["an HTTP response", "HTTP/1.1 200 OK\r\n\r\n"],
  ])("%s", (_what, stream) => {
    const { events, reader } = edgeSide();
    const problem = push(reader, cut(bytes(stream), [3, 9, 20]));
    expect(problem).not.toBe("");
    const heard = events.length;
    expect(reader.push(bytes(readyFrame), 0, 5)).toBe("");
    expect(events).toHaveLength(heard);
  });
});

describe("a worker closes the connection of an edge that sends", () => {
  test.each([
    ["a body without a request", `${bodyFrameStart(1)}a`],
    ["a body of a request without one", `${encodeRequest("A\0B", false)}${bodyFrameStart(1)}a`],
    ["END of a request without a body", encodeRequest("A\0B", false) + endFrame],
    ["a request within a body", encodeRequest("A\0B", true) + encodeRequest("A\0B", false)],
    ["END with a payload", `${encodeRequest("A\0B", true)}${frameStart(frame.end, 1)}a`],
    ["what only a worker may say", readyFrame],
    ["an HTTP request", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"],
  ])("%s", (_what, stream) => {
    expect(push(workerSide().reader, [bytes(stream)])).not.toBe("");
  });
});

test("a reader that is stopped within a callback says no more", () => {
  const { events, reader } = edgeSide((event, self) => {
    if (event.startsWith("head")) self.stop();
  });
  push(reader, [bytes(readyFrame + encodeHead("200 OK\r\n") + endFrame)]);
  expect(events).toEqual([`ready ${workerProtocolVersion}`, "head 200 OK\r\n"]);
});

test("a connection that ends within a frame is known to be cut", () => {
  const { reader } = edgeSide();
  push(reader, [bytes(readyFrame.slice(0, 2))]);
  expect(reader.isMidFrame()).toBe(true);
  push(reader, [bytes(readyFrame.slice(2))]);
  expect(reader.isMidFrame()).toBe(false);
});

test("the numbers are those of the Python worker", () => {
  const file = fileURLToPath(
    new URL("../../../appserver/python/stack_worker/frames.py", import.meta.url),
  );
  expect(existsSync(file)).toBe(true);
  const python = new Map<string, number>();
  for (const [, name = "", value = ""] of readFileSync(file, "utf8").matchAll(
    /^([A-Z_]+) = ([\d *]+)$/gm,
  )) {
    python.set(
      name,
      value.split("*").reduce((product, factor) => product * Number(factor), 1),
    );
  }
  expect(Object.fromEntries(python)).toEqual({
    VERSION: workerProtocolVersion,
    REQUEST: frame.request,
    REQUEST_BODY: frame.requestBody,
    BODY: frame.body,
    END: frame.end,
    WINDOW: frame.window,
    STREAM: frame.stream,
    ABORT: frame.abort,
    READY: frame.ready,
    HEAD: frame.head,
    FAIL: frame.fail,
    INFORM: frame.inform,
    GOAWAY: frame.goaway,
    HEADER_BYTES: frameHeaderBytes,
    MAX_BODY_PAYLOAD: maxBodyPayload,
    MAX_FRAME_PAYLOAD: maxFramePayload,
    INITIAL_WINDOW: initialWindow,
    STREAM_WINDOW: streamWindow,
  });
});
