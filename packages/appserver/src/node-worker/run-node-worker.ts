/**
 * One Node worker: serves an app's handler over HTTP/1.1 on a Unix socket until its arbiter, by
 * message or by its end, asks it to drain. The edge owns the pooling: connections stay open here.
 */
import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { Duplex } from "node:stream";
import type { ArbiterToNodeWorker, NodeWorkerToArbiter } from "../core/node-worker-messages.ts";
import { actAsMain } from "./act-as-main.ts";
import { answerFailed, createRequestBlame, nameOf, type RequestBlame } from "./blame-requests.ts";
import { catchListen } from "./catch-listen.ts";
import {
  formatThrown,
  type Handlers,
  loadEntry,
  type RequestHandler,
  type UpgradeHandler,
} from "./load-entry.ts";
import { markOutput } from "./mark-output.ts";
import { seemLocal } from "./seem-local.ts";

/** How long edges may take to close their idle connections before we do, when all were told. */
const toldGraceMs = 50;
/** The same when our arbiter is gone: an edge may be sending on one just now. */
const orphanGraceMs = 2_000;
const orphanDeadlineMs = 30_000;
/** The edge has its own limits; these are only not to be the tighter ones. */
const maxHeaderBytes = 256 * 1024;
const backlog = 1024;
/** To a method that Node's parser does not know (RFC 9110 §15.6.2): no handler could see it. */
const unknownMethod = [
  "HTTP/1.1 501 Not Implemented",
  "Content-Type: text/plain",
  "Content-Length: 16",
  "Connection: close",
  "",
  "Not Implemented\n",
].join("\r\n");

export async function runNodeWorker(): Promise<void> {
  const start = await firstMessage();
  markOutput(start.id);
  const state: WorkerState = {
    socketMode: start.shared ? 0o660 : 0o600,
    inFlight: 0,
    draining: false,
    idleGraceMs: orphanGraceMs,
    exitCode: 0,
    server: undefined,
    blame: createRequestBlame(),
  };
  process.on("SIGINT", () => {}); // the terminal sends it to everyone
  process.on("SIGTERM", () => {
    const first = state.server !== undefined && !state.draining && process.connected;
    if (first) tell({ type: "leaving", reason: "SIGTERM from outside" });
    else drain(state, orphanDeadlineMs, orphanGraceMs);
  });
  process.on("disconnect", () => drain(state, orphanDeadlineMs, orphanGraceMs));
  process.on("message", (message) => {
    const order = message as ArbiterToNodeWorker;
    if (order.type === "drain") drain(state, order.deadlineMs, toldGraceMs);
    else if (order.type === "ping") tell({ type: "pong" });
  });
  if (start.umask !== undefined) process.umask(start.umask);
  const catcher = catchListen(start.socket, backlog);
  actAsMain(start.entry, start.args);
  const loaded = await loadEntry(start.entry);
  // A script may listen by itself, at once or when its database has answered.
  const server = catcher.caught() ?? (loaded.kind === "listens" ? await catcher.next() : undefined);
  if (server !== undefined) adopt(server, start.socket, state);
  else if (loaded.kind === "loaded") {
    catcher.handled(loaded.handler);
    serve(loaded, start.socket, state);
  } else {
    tell({ type: "import-failed", failure: loaded.failure }, () => process.exit(3));
    return;
  }
  leaveOnFault(state);
}

function serve({ handler, upgrade }: Handlers, socket: string, state: WorkerState): void {
  const server = createServer({ maxHeaderSize: maxHeaderBytes }, (request, response) => {
    void run(handler, request, response);
  });
  if (upgrade !== undefined) {
    server.on("upgrade", (request, peer, head) => {
      void runUpgrade(upgrade, request, peer, head);
    });
  }
  server.listen({ path: socket, backlog });
  adopt(server, socket, state);
}

/** Whoever made it: its connections stay open, its requests are counted, its arbiter is told. */
function adopt(server: Server, socket: string, state: WorkerState): void {
  state.server = server;
  Object.assign(server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
  server.prependListener("connection", seemLocal);
  state.blame.watch(server);
  server.on("clientError", (error: NodeJS.ErrnoException, peer) => {
    if (error.code === "HPE_INVALID_METHOD" && peer.writable) peer.end(unknownMethod);
    else peer.destroy();
  });
  server.prependListener("request", (_request, response) => {
    state.inFlight += 1;
    response.on("close", () => {
      state.inFlight -= 1;
      if (state.draining) finishWhenIdle(state);
    });
    if (state.draining) response.setHeader("connection", "close");
  });
  const announce = (): void => {
    chmodSync(socket, state.socketMode);
    tell({ type: "listening" });
  };
  if (server.listening) announce();
  else server.once("listening", announce);
}

interface WorkerState {
  readonly socketMode: number;
  inFlight: number;
  draining: boolean;
  idleGraceMs: number;
  exitCode: number;
  server: Server | undefined;
  readonly blame: RequestBlame;
}

function firstMessage(): Promise<Extract<ArbiterToNodeWorker, { type: "start" }>> {
  return new Promise((resolve) => {
    process.once("message", (message) => {
      resolve(message as Extract<ArbiterToNodeWorker, { type: "start" }>);
    });
  });
}

function tell(message: NodeWorkerToArbiter, sent?: () => void): void {
  if (process.send === undefined || !process.connected) sent?.();
  else process.send(message, undefined, undefined, () => sent?.());
}

/** Answers for a handler that throws. */
async function run(
  handler: RequestHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await handler(request, response);
  } catch (error) {
    process.stderr.write(`${nameOf(request)}: ${formatThrown(error)}\n`);
    answerFailed(response);
  }
}

/** Without a handler Node answers such a request as any other. */
async function runUpgrade(
  handler: UpgradeHandler,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on("error", () => {}); // 'close' follows
  try {
    await handler(request, socket, head);
  } catch (error) {
    process.stderr.write(`${nameOf(request)}: ${formatThrown(error)}\n`);
    socket.destroy(); // before an answer the edge makes it a 502
  }
}

/** An app in an unknown state takes nothing new; what runs beside the request at fault may finish. */
function leaveOnFault(state: WorkerState): void {
  const fault = (kind: string) => (error: unknown) => {
    const request = state.blame.settle();
    const where = request === "" ? "" : ` in ${request}`;
    process.stderr.write(`${kind}${where}: ${formatThrown(error)}\n`);
    if (state.exitCode !== 0) return;
    state.exitCode = 1;
    if (process.connected) tell({ type: "leaving", reason: kind });
    else drain(state, orphanDeadlineMs, orphanGraceMs);
  };
  // Before the app's own listeners, which may end the process.
  process.prependListener("uncaughtException", fault("uncaught exception"));
  process.prependListener("unhandledRejection", fault("unhandled rejection"));
}

function drain(state: WorkerState, deadlineMs: number, idleGraceMs: number): void {
  if (state.draining) return;
  state.draining = true;
  state.idleGraceMs = idleGraceMs;
  const { server } = state;
  if (server === undefined) process.exit(state.exitCode);
  // Not http's own close(): that cuts idle connections on which an edge may be sending just now.
  NetServer.prototype.close.call(server, () => leave(state));
  setTimeout(() => leave(state), deadlineMs).unref();
  finishWhenIdle(state);
}

/** Edges that know of the drain close at once; then the server's own close ends us. */
function finishWhenIdle(state: WorkerState): void {
  if (state.inFlight > 0) return;
  setTimeout(() => {
    if (state.inFlight === 0) state.server?.closeIdleConnections();
  }, state.idleGraceMs).unref();
}

function leave(state: WorkerState): void {
  process.exit(state.exitCode);
}
