/**
 * A worker that takes many exchanges over one connection, as the ASGI worker does, over the real protocol:
 * the test decides when and what each answers. It holds the edge to the rules: a breach fails the test.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { WorkerRecord } from "@stack/control";
import {
  bodyFrameStart,
  encodeAbort,
  encodeHead,
  encodeStream,
  encodeWindow,
  endFrame,
  failFrame,
  frame,
  frameHeaderBytes,
  goawayFrame,
  initialWindow,
  maxBodyPayload,
  readyFrame,
  streamWindow,
} from "@stack/protocols";
import { eventually } from "@stack/testkit";

/** One request as the worker got it. */
export interface StreamRequest {
  readonly method: string;
  /** As the client asked for it. */
  readonly path: string;
  /** 0: it came over a connection of its own. */
  readonly stream: number;
  readonly body: Promise<Buffer>;
  /** Body bytes that have come. */
  readonly bodyBytes: () => number;
  readonly isAborted: () => boolean;
  /** Bytes of BODY the edge has granted again. */
  readonly granted: () => number;
  /** Any frames, as they are. */
  readonly say: (frames: string) => void;
  /** "200 OK\r\nName: value\r\n" */
  readonly head: (text: string) => void;
  /** Waits for the edge's window where it must. */
  readonly write: (body: string) => Promise<void>;
  readonly end: () => void;
  readonly fail: () => void;
  readonly abort: () => void;
  /** Head, write and end. */
  readonly answer: (body: string, head?: string) => Promise<void>;
}

export interface FakeSharedWorker extends AsyncDisposable {
  readonly record: WorkerRecord;
  readonly connections: () => number;
  readonly requests: readonly StreamRequest[];
  /** The request for this path, once it has come; the n-th of them, from 0. */
  readonly request: (path: string, nth?: number) => Promise<StreamRequest>;
  /** How many requests came with each read of a shared connection. */
  readonly reads: readonly number[];
  /** What is said meanwhile on the shared connections leaves in one write. */
  readonly together: (say: () => void) => void;
  readonly goaway: () => void;
  /** Nobody listens any more, and the connections that exchanges share end: the others are next. */
  readonly dieShared: () => void;
  /** As after `kill -9`. */
  readonly kill: () => void;
}

interface Options {
  readonly id?: string;
  readonly capacity?: number;
  /** What to do with a request that the test does not answer by hand. */
  readonly handle?: (request: StreamRequest) => void;
}

/** An exchange and what its edge still has to say about it. */
interface Exchange {
  readonly request: StreamRequest;
  onBody(payload: Buffer): void;
  onEnd(): void;
  onWindow(bytes: number): void;
  onGone(): void;
}

let serial = 0;

export async function startSharedWorker(
  folder: string,
  { id = "shop-1.1", capacity = 100, handle = () => {} }: Options = {},
): Promise<FakeSharedWorker> {
  serial += 1;
  const path = join(folder, `s${serial}.sock`);
  const connections = new Set<Socket>();
  const shared = new Set<Socket>();
  const requests: StreamRequest[] = [];
  const reads: number[] = [];
  const breaches: string[] = [];

  const server = createServer((socket) => {
    connections.add(socket);
    const open = new Map<number, Exchange>();
    const taken = new Set<number>();
    /** The stream the edge speaks of, and the one we do; 0 on a connection for one at a time. */
    let heard = 0;
    let said = 0;
    let inRead = 0;

    const say = (stream: number, frames: string): void => {
      const name = stream === said ? "" : encodeStream(stream);
      said = stream;
      socket.write(name + frames, "latin1");
    };
    const onEnded = (stream: number): void => {
      open.delete(stream);
      if (stream === 0) socket.write(readyFrame, "latin1");
    };
    const exchangeOf = (stream: number): Exchange | undefined => {
      if (!taken.has(stream)) breaches.push(`a frame of stream ${stream}, which had no request`);
      return open.get(stream); // none: the frame crossed its end
    };

    function onFrame(type: number, payload: Buffer): void {
      switch (type) {
        case frame.stream:
          heard = payload.readUInt32LE(0);
          shared.add(socket);
          return;
        case frame.abort: {
          const stream = payload.readUInt32LE(0);
          exchangeOf(stream)?.onGone();
          open.delete(stream);
          return;
        }
        case frame.request:
        case frame.requestBody: {
          if (heard > 0 && taken.has(heard)) breaches.push(`stream ${heard} was taken twice`);
          if (heard === 0 && open.has(0)) breaches.push("a request before READY");
          taken.add(heard);
          inRead += 1;
          const exchange = createExchange(
            heard,
            parseBlock(payload.toString("latin1")),
            type === frame.requestBody,
            { say, onEnded, grant: (bytes) => socket.write(encodeWindow(bytes), "latin1") },
          );
          open.set(heard, exchange);
          requests.push(exchange.request);
          handle(exchange.request);
          return;
        }
        case frame.body:
          exchangeOf(heard)?.onBody(payload);
          return;
        case frame.end:
          exchangeOf(heard)?.onEnd();
          return;
        case frame.window:
          exchangeOf(heard)?.onWindow(payload.readUInt32LE(0));
          return;
        default:
          breaches.push(`a frame of type ${type}`);
      }
    }

    const read = createSplitter(onFrame);
    socket.on("data", (data: Buffer) => {
      inRead = 0;
      read(data);
      if (shared.has(socket) && inRead > 0) reads.push(inRead);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      connections.delete(socket);
      shared.delete(socket);
      for (const exchange of open.values()) exchange.onGone();
    });
    socket.write(readyFrame, "latin1");
  });
  server.listen(path);
  await once(server, "listening");

  const worker: FakeSharedWorker = {
    record: {
      key: `${id}@1.${serial}`,
      id,
      pid: process.pid,
      generation: 1,
      protocol: "worker",
      address: `unix:${path}`,
      capacity,
      sharesConnection: true,
    },
    connections: () => connections.size,
    requests,
    reads,
    request: (wanted, nth = 0) =>
      eventually(
        `request ${nth} for ${wanted}`,
        () => requests.filter((request) => request.path === wanted)[nth],
        60_000,
      ),
    together(action) {
      for (const socket of shared) socket.cork();
      action();
      for (const socket of shared) socket.uncork();
    },
    goaway() {
      for (const socket of connections) socket.write(goawayFrame, "latin1");
    },
    dieShared() {
      server.close();
      for (const socket of shared) socket.destroy();
    },
    kill() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      const isOpen = server.listening;
      worker.kill();
      if (isOpen) await once(server, "close");
      if (breaches.length > 0)
        throw new Error(`the edge broke the protocol: ${breaches.join("; ")}`);
    },
  };
  return worker;
}

/** How an exchange reaches its connection. */
interface Wire {
  readonly say: (stream: number, frames: string) => void;
  readonly grant: (bytes: number) => void;
  readonly onEnded: (stream: number) => void;
}

function createExchange(
  stream: number,
  env: ReadonlyMap<string, string>,
  hasBody: boolean,
  wire: Wire,
): Exchange {
  const pieces: Buffer[] = [];
  const whole = Promise.withResolvers<Buffer>();
  const gone = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  let window = stream === 0 ? initialWindow : streamWindow;
  let bodyBytes = 0;
  let granted = 0;
  let isAborted = false;
  if (!hasBody) whole.resolve(Buffer.alloc(0));

  const say = (frames: string): void => wire.say(stream, frames);
  const finish = (frames: string): void => {
    say(frames);
    wire.onEnded(stream);
  };
  const request: StreamRequest = {
    method: env.get("REQUEST_METHOD") ?? "",
    path: env.get("REQUEST_URI") ?? "",
    stream,
    body: whole.promise,
    bodyBytes: () => bodyBytes,
    isAborted: () => isAborted,
    granted: () => granted,
    say,
    head: (text) => say(encodeHead(text)),
    async write(text) {
      for (let at = 0; at < text.length && !isAborted; ) {
        if (window === 0) {
          room = Promise.withResolvers();
          await Promise.race([room.promise, gone.promise]);
          continue;
        }
        const length = Math.min(text.length - at, window, maxBodyPayload);
        window -= length;
        say(bodyFrameStart(length) + text.slice(at, at + length));
        at += length;
      }
    },
    end: () => finish(endFrame),
    fail: () => finish(failFrame),
    abort() {
      wire.onEnded(stream);
      say(encodeAbort(stream));
    },
    async answer(text, head = `200 OK\r\nContent-Length: ${text.length}\r\n`) {
      request.head(head);
      await request.write(text);
      request.end();
    },
  };
  return {
    request,
    onBody(payload) {
      pieces.push(payload);
      bodyBytes += payload.length;
      if (stream === 0) wire.grant(payload.length);
    },
    onEnd: () => whole.resolve(Buffer.concat(pieces)),
    onWindow(bytes) {
      window += bytes;
      granted += bytes;
      room.resolve();
    },
    onGone() {
      isAborted = true;
      gone.resolve();
    },
  };
}

function parseBlock(block: string): ReadonlyMap<string, string> {
  const parts = block.split("\0");
  const env = new Map<string, string>();
  for (let index = 0; index + 1 < parts.length; index += 2) {
    env.set(parts[index] ?? "", parts[index + 1] ?? "");
  }
  return env;
}

/** Whole frames out of what arrives. */
function createSplitter(onFrame: (type: number, payload: Buffer) => void): (data: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (data) => {
    pending = Buffer.concat([pending, data]);
    while (pending.length >= frameHeaderBytes) {
      const word = pending.readUInt32LE(0);
      const end = frameHeaderBytes + (word & 0xff_ffff);
      if (pending.length < end) return;
      const payload = pending.subarray(frameHeaderBytes, end);
      pending = pending.subarray(end);
      onFrame(word >>> 24, payload);
    }
  };
}
