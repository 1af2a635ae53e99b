/**
 * What a request is to a Python worker: the CGI block and the body in frames, within the window the
 * worker grants. A request with a small body is one write.
 */
import { performance } from "node:perf_hooks";
import {
  bodyFrameStart,
  encodeRequest,
  endFrame,
  type ForwardOptions,
  formatCgiBlock,
  initialWindow,
  maxBodyPayload,
  maxFramePayload,
  noBody,
} from "@stack/protocols";
import type { Exchange } from "../exchange.ts";
import { peerToTell } from "../upstream/http-request.ts";
import type { AppCall } from "./app-call.ts";
import type { WorkerConnection } from "./worker-connection.ts";

/** Bodies up to this size are joined with the head. */
const joinBytes = 16 * 1024;

/** Filled anew for every request. */
const forward: ForwardOptions = {
  peerAddress: "",
  peerPort: 0,
  clientAddress: "",
  scheme: "http",
  trusted: false,
  serverName: "",
  serverPort: 0,
  stripPrefix: "",
  framing: noBody,
};

/** Sends the request; the connection must be ready. */
export function sendRequest(connection: WorkerConnection, call: AppCall, timeoutMs: number): void {
  const exchange = call.exchange;
  connection.ready = false;
  connection.call = call;
  connection.isMoving = false;
  connection.timeoutMs = timeoutMs;
  connection.startedAt = performance.now();
  connection.deadline = connection.startedAt + timeoutMs;
  connection.sendWindow = initialWindow;
  connection.ungranted = 0;
  exchange.owner = connection;
  const block = formatBlock(exchange);
  if (block.length > maxFramePayload) {
    connection.call = undefined;
    exchange.fail(431, "the headers are too large");
    connection.host.onAnswered(connection, call);
    connection.ready = true;
    connection.host.onReady(connection);
    return;
  }
  const hasBody = exchange.bodyLength !== 0;
  const head = encodeRequest(block, hasBody);
  connection.requestEnded = !hasBody;
  connection.bodyFinal = !hasBody || exchange.bodyComplete;
  if (!hasBody) {
    connection.socket.write(head, "latin1");
  } else if (exchange.bodyComplete && exchange.bodyBytes <= joinBytes) {
    connection.requestEnded = true;
    connection.socket.write(head + smallBody(exchange.body), "latin1");
  } else {
    connection.socket.cork();
    connection.socket.write(head, "latin1");
    if (exchange.bodyComplete) {
      connection.outbox = exchange.body.slice();
      connection.outboxOffset = 0;
      pumpBody(connection);
    } else {
      awaitClient(connection);
      exchange.readBody();
    }
    connection.socket.uncork();
  }
}

/** A piece of a streamed body; false when the worker's window is full. */
export function sendPiece(connection: WorkerConnection, piece: Buffer): boolean {
  connection.outbox.push(piece);
  pumpBody(connection);
  if (connection.outbox.length === 0) return true;
  connection.deadline = performance.now() + connection.timeoutMs;
  return false;
}

export function sendBodyEnd(connection: WorkerConnection): void {
  connection.bodyFinal = true;
  connection.deadline = performance.now() + connection.timeoutMs;
  pumpBody(connection);
}

/** The worker granted more. */
export function continueBody(connection: WorkerConnection): void {
  const exchange = connection.call?.exchange;
  if (exchange === undefined || connection.requestEnded) return;
  connection.deadline = performance.now() + connection.timeoutMs;
  connection.socket.cork();
  pumpBody(connection);
  connection.socket.uncork();
  if (connection.outbox.length === 0 && !connection.bodyFinal) {
    awaitClient(connection);
    exchange.resumeBody();
  }
}

/** The next step is the client's, who has a deadline of its own. */
function awaitClient(connection: WorkerConnection): void {
  connection.deadline = Number.POSITIVE_INFINITY;
}

function pumpBody(connection: WorkerConnection): void {
  const { outbox, socket } = connection;
  let sent = 0;
  while (sent < outbox.length && connection.sendWindow > 0) {
    const piece = outbox[sent];
    if (piece === undefined) break;
    const from = connection.outboxOffset;
    const length = Math.min(piece.length - from, maxBodyPayload, connection.sendWindow);
    socket.write(bodyFrameStart(length), "latin1");
    socket.write(piece.subarray(from, from + length)); // ours: bodies are copied when they are read
    connection.sendWindow -= length;
    connection.outboxOffset = from + length;
    if (connection.outboxOffset === piece.length) {
      sent += 1;
      connection.outboxOffset = 0;
    }
  }
  outbox.splice(0, sent);
  if (outbox.length === 0 && connection.bodyFinal && !connection.requestEnded) {
    connection.requestEnded = true;
    socket.write(endFrame, "latin1");
  }
}

function smallBody(pieces: readonly Buffer[]): string {
  let frames = "";
  for (const piece of pieces) {
    frames += bodyFrameStart(piece.length) + piece.toString("latin1", 0, piece.length);
  }
  return frames + endFrame;
}

function formatBlock(exchange: Exchange): string {
  const { client, connection, head, route } = exchange;
  forward.peerAddress = peerToTell(exchange);
  forward.peerPort = connection.peerPort;
  forward.clientAddress = client.address;
  forward.scheme = client.scheme;
  forward.trusted = client.trusted;
  forward.serverName = connection.serverName;
  forward.serverPort = connection.serverPort;
  const { front } = connection;
  const stripLength =
    front === undefined ? route.stripLength : Math.max(route.stripLength, front.mountLength);
  forward.stripPrefix = stripLength === 0 ? "" : head.path.slice(0, stripLength);
  let block = formatCgiBlock(head, forward);
  // Chunks that have all come are a body of a known length: many an app reads no other.
  if (head.contentLength < 0 && exchange.bodyEnded && exchange.bodyReceived > 0) {
    block += `\0CONTENT_LENGTH\0${exchange.bodyReceived}`;
  }
  // After ours: of a name that comes twice a worker takes the last.
  if (front !== undefined) block += front.variables;
  if (exchange.upgrade === "") return block;
  return `${block}\0HTTP_CONNECTION\0upgrade\0HTTP_UPGRADE\0${exchange.upgrade}`;
}
