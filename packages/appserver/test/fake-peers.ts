/** stackd and an edge as an arbiter sees them: the other ends of its sockets, and what came over them. */
import { EventEmitter } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { ErrorReport } from "@stack/base";
import {
  type ArbiterToEdge,
  type ArbiterToStackd,
  type EdgeToArbiter,
  edgeFolder,
  type Hello,
  type InstanceState,
  type LinePeer,
  peerOf,
  type StackdToArbiter,
  type WorkerRecord,
} from "@stack/control";
import { eventually, nextEvent } from "@stack/testkit";

type FromArbiter = ArbiterToStackd | Extract<Hello, { role: "arbiter" }>;
type Order = StackdToArbiter extends infer Message
  ? Message extends { id: number }
    ? Omit<Message, "id">
    : never
  : never;

export interface FakeStackd extends AsyncDisposable {
  readonly events: EventEmitter<{ message: [FromArbiter]; hello: [FromArbiter]; close: [] }>;
  readonly state: () => InstanceState | undefined;
  readonly hellos: readonly FromArbiter[];
  /** Cuts the connection, as a stackd that is killed does; the arbiter may come back at once. */
  readonly disconnect: () => void;
  /** Sends an order and waits for its `done`. */
  readonly order: (order: Order, timeoutMs?: number) => Promise<ErrorReport | null>;
  readonly untilState: (
    what: string,
    accept: (state: InstanceState) => boolean,
    timeoutMs?: number,
  ) => Promise<InstanceState>;
}

export async function listenAsStackd(path: string): Promise<FakeStackd> {
  const events: FakeStackd["events"] = new EventEmitter();
  const hellos: FromArbiter[] = [];
  let peer: LinePeer<FromArbiter, StackdToArbiter> | undefined;
  let state: InstanceState | undefined;
  let nextId = 1;
  const server = await listen(path, (socket) => {
    peer = peerOf(socket);
    peer.onMessage = (message) => {
      if (message.type === "arbiter-state") state = message.state;
      if (message.type === "hello") {
        hellos.push(message);
        events.emit("hello", message);
      }
      events.emit("message", message);
    };
    peer.onClose = () => events.emit("close");
  });
  return {
    events,
    hellos,
    state: () => state,
    disconnect() {
      state = undefined;
      peer?.destroy();
    },
    async order(order, timeoutMs = 45_000) {
      const id = nextId++;
      await eventually("the arbiter to connect", () => peer !== undefined);
      const done = nextEvent(
        events,
        "message",
        (message) => message.type === "done" && message.id === id,
        timeoutMs,
      );
      peer?.send({ ...order, id } as StackdToArbiter);
      const [message] = await done;
      return message.type === "done" ? message.error : null;
    },
    async untilState(what, accept, timeoutMs) {
      return await eventually(
        what,
        () => (state !== undefined && accept(state) ? state : undefined),
        timeoutMs,
      );
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export interface FakeEdge extends AsyncDisposable {
  readonly events: EventEmitter<{ message: [ArbiterToEdge] }>;
  readonly log: readonly ArbiterToEdge[];
  /** What can take requests now, by key. */
  readonly workers: ReadonlyMap<string, WorkerRecord>;
  readonly send: (message: EdgeToArbiter) => void;
  /** Answers `worker-drain` by itself unless set to false. */
  answersDrains: boolean;
}

export async function listenAsEdge(run: string, generation: number): Promise<FakeEdge> {
  const events: FakeEdge["events"] = new EventEmitter();
  const log: ArbiterToEdge[] = [];
  const workers = new Map<string, WorkerRecord>();
  let peer: LinePeer<ArbiterToEdge, EdgeToArbiter> | undefined;
  mkdirSync(edgeFolder(run), { recursive: true });
  const server = await listen(join(edgeFolder(run), `edge-${generation}.sock`), (socket) => {
    const arbiter = peerOf<ArbiterToEdge, EdgeToArbiter>(socket);
    peer = arbiter;
    arbiter.onMessage = (message) => {
      log.push(message);
      if (message.type === "register") {
        workers.clear();
        for (const worker of message.workers) workers.set(worker.key, worker);
      } else if (message.type === "worker-up") {
        workers.set(message.worker.key, message.worker);
      } else {
        workers.delete(message.key);
        if (message.type === "worker-drain" && edge.answersDrains) {
          arbiter.send({ type: "worker-drained", key: message.key });
        }
      }
      events.emit("message", message);
    };
  });
  const edge: FakeEdge = {
    events,
    log,
    workers,
    send: (message) => peer?.send(message),
    answersDrains: true,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return edge;
}

async function listen(path: string, accept: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    accept(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  const close = server[Symbol.asyncDispose].bind(server);
  server[Symbol.asyncDispose] = () => {
    for (const socket of sockets) socket.destroy();
    return close();
  };
  return server;
}
