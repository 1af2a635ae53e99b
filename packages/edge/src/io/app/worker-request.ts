/**
 * What a request is to a Python worker: the CGI block and the body in frames, within the window the
 * worker grants. A request with a small body is one write.
 */
import { performance } from "node:perf_hooks";
import {
  bodyFrameStart,
  createClientMemo,
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
import type { WorkerChannel } from "./worker-channel.ts";

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
  said: createClientMemo(),
};

/** It has a body of a few bytes that are here, or none: it leaves in one write, and nothing follows. */
export function isKnownWhole(exchange: Exchange): boolean {
  if (exchange.upgrade !== "") return false;
  return exchange.bodyLength === 0 || (exchange.bodyComplete && exchange.bodyBytes <= joinBytes);
}

/** Sends the request; the channel must be ready. */
export function sendRequest(channel: WorkerChannel, call: AppCall, timeoutMs: number): void {
  const exchange = call.exchange;
  channel.ready = false;
  channel.call = call;
  channel.isMoving = false;
  channel.timeoutMs = timeoutMs;
  channel.startedAt = performance.now();
  channel.deadline = channel.startedAt + timeoutMs;
  channel.sendWindow = initialWindow;
  channel.ungranted = 0;
  exchange.owner = channel;
  const block = formatBlock(exchange);
  if (block.length > maxFramePayload) {
    channel.call = undefined;
    exchange.fail(431, "the headers are too large");
    channel.host.onAnswered(channel, call);
    channel.ready = true;
    channel.host.onReady(channel);
    return;
  }
  const hasBody = exchange.bodyLength !== 0;
  const head = encodeRequest(block, hasBody);
  channel.requestEnded = !hasBody;
  channel.bodyFinal = !hasBody || exchange.bodyComplete;
  if (!hasBody) {
    channel.socket.write(head, "latin1");
  } else if (exchange.bodyComplete && exchange.bodyBytes <= joinBytes) {
    channel.requestEnded = true;
    channel.socket.write(head + smallBody(exchange.body), "latin1");
  } else {
    channel.socket.cork();
    channel.socket.write(head, "latin1");
    if (exchange.bodyComplete) {
      channel.outbox = exchange.body.slice();
      channel.outboxOffset = 0;
      pumpBody(channel);
    } else {
      awaitClient(channel);
      exchange.readBody();
    }
    channel.socket.uncork();
  }
}

/** A piece of a streamed body; false when the worker's window is full. */
export function sendPiece(channel: WorkerChannel, piece: Buffer): boolean {
  channel.outbox.push(piece);
  pumpBody(channel);
  if (channel.outbox.length === 0) return true;
  channel.deadline = performance.now() + channel.timeoutMs;
  return false;
}

export function sendBodyEnd(channel: WorkerChannel): void {
  channel.bodyFinal = true;
  channel.deadline = performance.now() + channel.timeoutMs;
  pumpBody(channel);
}

/** The worker granted more. */
export function continueBody(channel: WorkerChannel): void {
  const exchange = channel.call?.exchange;
  if (exchange === undefined || channel.requestEnded) return;
  channel.deadline = performance.now() + channel.timeoutMs;
  channel.socket.cork();
  pumpBody(channel);
  channel.socket.uncork();
  if (channel.outbox.length === 0 && !channel.bodyFinal) {
    awaitClient(channel);
    exchange.resumeBody();
  }
}

/** The next step is the client's, who has a deadline of its own. */
function awaitClient(channel: WorkerChannel): void {
  channel.deadline = Number.POSITIVE_INFINITY;
}

function pumpBody(channel: WorkerChannel): void {
  const { outbox, socket } = channel;
  let sent = 0;
  while (sent < outbox.length && channel.sendWindow > 0) {
    const piece = outbox[sent];
    if (piece === undefined) break;
    const from = channel.outboxOffset;
    const length = Math.min(piece.length - from, maxBodyPayload, channel.sendWindow);
    socket.write(bodyFrameStart(length), "latin1");
    socket.write(piece.subarray(from, from + length)); // ours: bodies are copied when they are read
    channel.sendWindow -= length;
    channel.outboxOffset = from + length;
    if (channel.outboxOffset === piece.length) {
      sent += 1;
      channel.outboxOffset = 0;
    }
  }
  outbox.splice(0, sent);
  if (outbox.length === 0 && channel.bodyFinal && !channel.requestEnded) {
    channel.requestEnded = true;
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
  forward.said = connection.said;
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
