/** A worker of the test's own, over the real protocol: the test decides when and what it answers. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { WorkerRecord } from "@stack/control";
import {
  bodyFrameStart,
  createEdgeFrameReader,
  encodeHead,
  encodeInform,
  encodeWindow,
  endFrame,
  failFrame,
  goawayFrame,
  initialWindow,
  maxBodyPayload,
  readyFrame,
} from "@stack/protocols";

/** One request as the worker got it. */
export interface WorkerRequest {
  readonly env: ReadonlyMap<string, string>;
  readonly hasBody: boolean;
  /** Resolves with the whole body. */
  readonly body: Promise<Buffer>;
  /** The edge closed the connection under it. */
  readonly aborted: Promise<void>;
  readonly isAborted: () => boolean;
  readonly inform: (text: string) => void;
  /** "200 OK\r\nName: value\r\n" */
  readonly head: (text: string) => void;
  /** Waits for the edge's window where it must. */
  readonly write: (body: Buffer | string) => Promise<void>;
  /** The answer is complete; the worker is ready again. */
  readonly end: () => void;
  readonly fail: () => void;
  /** head, write and end. */
  readonly answer: (body: Buffer | string, head?: string) => Promise<void>;
  /** Closes the connection, as a worker that dies does. */
  readonly die: () => void;
}

export interface FakeWorker extends AsyncDisposable {
  readonly record: WorkerRecord;
  readonly connections: () => number;
  /** Bytes of request bodies received so far. */
  readonly bodyBytes: () => number;
  /** Grants what was received and not granted when it came. */
  readonly grantAll: () => void;
  /** Requests so far. */
  readonly count: () => number;
  /** Paths of requests that came while another ran. */
  readonly sentAhead: () => readonly string[];
  /** Of these: the edge closed their connection before they began. */
  readonly takenBack: () => number;
  /** Grants the window for body bytes as they come; false: the edge must stop at its end. */
  grants: boolean;
  /** A connection closed under a request does not make it free, until `becomeReady`. */
  staysBusy: boolean;
  readonly becomeReady: () => void;
  readonly goaway: () => void;
  /** All its connections end and nobody listens any more, as after `kill -9`. */
  readonly kill: () => void;
}

export type Handler = (request: WorkerRequest) => void | Promise<void>;

let serial = 0;

/** Takes one request at a time, over however many connections, as the Python worker does. */
export async function startWorker(
  folder: string,
  handle: Handler,
  id = "shop-1.1",
  /** With it the worker takes requests ahead; told of each that came while another ran. */
  onAhead?: (path: string) => void,
): Promise<FakeWorker> {
  serial += 1;
  const path = join(folder, `w${serial}.sock`);
  const connections = new Set<Socket>();
  const greeted = new Set<Socket>();
  let busy: Socket | undefined;
  let requests = 0;
  let bodyBytes = 0;
  let ungranted = 0;
  let isLeaving = false;
  const sentAhead: string[] = [];
  let takenBack = 0;
  /** What is read when the request that runs is done. */
  const unread: { readonly socket: Socket; readonly begin: () => void }[] = [];

  const greet = (): void => {
    if (busy !== undefined) return;
    for (const socket of connections) {
      if (greeted.has(socket)) continue;
      greeted.add(socket);
      socket.write(readyFrame, "latin1");
    }
  };

  const worker: FakeWorker = {
    record: {
      key: `${id}@1.${serial}`,
      id,
      pid: process.pid,
      generation: 1,
      protocol: "worker",
      address: `unix:${path}`,
      capacity: 1,
      takesAhead: onAhead !== undefined,
    },
    sentAhead: () => sentAhead,
    takenBack: () => takenBack,
    connections: () => connections.size,
    count: () => requests,
    bodyBytes: () => bodyBytes,
    grantAll() {
      if (ungranted > 0) busy?.write(encodeWindow(ungranted), "latin1");
      ungranted = 0;
    },
    grants: true,
    staysBusy: false,
    becomeReady() {
      busy = undefined;
      greet();
    },
    goaway() {
      isLeaving = true;
      for (const socket of connections) socket.write(goawayFrame, "latin1");
    },
    kill() {
      for (const socket of connections) socket.destroy();
      server.close();
    },
    async [Symbol.asyncDispose]() {
      const isOpen = server.listening;
      worker.kill();
      if (isOpen) await once(server, "close");
    },
  };

  const server = createServer((socket) => {
    connections.add(socket);
    socket.setNoDelay(true);
    if (isLeaving) socket.write(goawayFrame, "latin1"); // a thread that connects late hears it too
    const pieces: Buffer[] = [];
    const whole = Promise.withResolvers<Buffer>();
    let body = whole;
    let aborted = Promise.withResolvers<void>();
    let isAborted = false;
    let window = initialWindow;
    let room = Promise.withResolvers<void>();
    whole.promise.catch(() => {});

    const finish = (): void => {
      if (busy === socket) busy = undefined;
      greeted.delete(socket);
      greet();
      unread.shift()?.begin();
    };
    const reader = createEdgeFrameReader({
      onRequest(block, hasBody) {
        requests += 1;
        const parts = block.split("\0");
        const env = new Map<string, string>();
        for (let index = 0; index + 1 < parts.length; index += 2) {
          env.set(parts[index] ?? "", parts[index + 1] ?? "");
        }
        pieces.length = 0;
        body = Promise.withResolvers();
        aborted = Promise.withResolvers();
        isAborted = false;
        window = initialWindow;
        if (!hasBody) body.resolve(Buffer.alloc(0));
        const request: WorkerRequest = {
          env,
          hasBody,
          body: body.promise,
          aborted: aborted.promise,
          isAborted: () => isAborted,
          inform: (text) => void socket.write(encodeInform(text), "latin1"),
          head: (text) => void socket.write(encodeHead(text), "latin1"),
          async write(data) {
            const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
            for (let at = 0; at < bytes.length && !isAborted; ) {
              if (window === 0) {
                room = Promise.withResolvers();
                await Promise.race([room.promise, aborted.promise]);
                continue;
              }
              const length = Math.min(bytes.length - at, window, maxBodyPayload);
              window -= length;
              socket.write(bodyFrameStart(length), "latin1");
              socket.write(bytes.subarray(at, at + length));
              at += length;
            }
          },
          end() {
            socket.write(endFrame, "latin1");
            finish();
          },
          fail() {
            socket.write(failFrame, "latin1");
            finish();
          },
          async answer(data, head) {
            const length = Buffer.byteLength(data, "latin1");
            request.head(
              head ?? `200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n`,
            );
            await request.write(data);
            request.end();
          },
          die: () => void socket.destroy(),
        };
        const begin = (): void => {
          busy = socket;
          void Promise.resolve(handle(request)).catch(() => socket.destroy());
        };
        if (busy === undefined || busy === socket) {
          begin();
        } else {
          const path = env.get("REQUEST_URI") ?? "";
          sentAhead.push(path);
          unread.push({ socket, begin });
          onAhead?.(path);
        }
      },
      onBody(buffer, start, end) {
        pieces.push(Buffer.from(buffer.subarray(start, end)));
        bodyBytes += end - start;
        if (worker.grants) socket.write(encodeWindow(end - start), "latin1");
        else ungranted += end - start;
      },
      onEnd: () => body.resolve(Buffer.concat(pieces)),
      onWindow(bytes) {
        window += bytes;
        room.resolve();
      },
    });
    socket.on("data", (data: Buffer) => {
      if (reader.push(data, 0, data.length) !== "") socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      connections.delete(socket);
      greeted.delete(socket);
      isAborted = true;
      aborted.resolve();
      const at = unread.findIndex((entry) => entry.socket === socket);
      if (at >= 0) {
        takenBack += 1;
        unread.splice(at, 1);
      }
      if (busy === socket && !worker.staysBusy) {
        busy = undefined;
        unread.shift()?.begin();
      }
      greet();
    });
    greet();
  });
  server.listen(path);
  await once(server, "listening");
  return worker;
}
