/**
 * One request of HTTP/2: its stream becomes a connection of its own with one exchange on it, served
 * by the same routes and backends as any other. What its client does wrong costs this stream.
 */
import type { ServerHttp2Stream } from "node:http2";
import { performance } from "node:perf_hooks";
import { clearRequestHead, headerValue, parseRequestHead } from "@stack/protocols";
import { h2ErrorCodes } from "../../core/h2/error-codes.ts";
import { formatRequestText } from "../../core/h2/request-text.ts";
import { startClosing } from "../client/client-closing.ts";
import { createClientConnection, guard, onClose, onDrain } from "../client/client-connection.ts";
import { beginRequest, refuse, returnHead, takeHead } from "../client/client-requests.ts";
import type { ClientConnection } from "../client/client-state.ts";
import { endFrames, takeFrame } from "../client/framed-body.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { createH2Dialect, sendContinue } from "./h2-answer.ts";
import { createStreamSocket } from "./stream-socket.ts";

/** Of a body that comes after its answer: what the client had on its way, and no more. */
const mostUnwanted = 128 * 1024;

/**
 * Serves a stream.
 *
 * @param fields as received: name, value, name, value …
 * @param onClosed told when the stream is closed
 * @param share how many bytes of its answer it may hand on at once
 * @returns its connection, or undefined when it was malformed and reset
 */
export function serveStream(
  stream: ServerHttp2Stream,
  fields: readonly string[],
  thread: ThreadContext,
  facts: ClientConnection["facts"],
  onClosed: (io: ClientConnection) => void,
  share: () => number,
): ClientConnection | undefined {
  const endsHere = stream.endAfterHeaders;
  const request = formatRequestText(fields, endsHere);
  if (request.kind === "malformed") {
    stream.on("error", ignore);
    stream.close(h2ErrorCodes.protocolError);
    return undefined;
  }
  const io: ClientConnection = createClientConnection(
    createStreamSocket(stream, share, () => guard(io, onDrain)),
    thread,
    facts,
    (done) => onExchangeDone(done, stream),
    createH2Dialect(stream),
  );
  stream.on("close", () => {
    io.closed = true;
    guard(io, onClose);
    onClosed(io);
  });
  guard(io, () => {
    if (endsHere)
      stream.resume(); // or it would not be seen to end
    else receive(io, stream);
    if (request.kind === "refused") refuse(io, request.status, request.problem);
    else begin(io, stream, request.text, endsHere);
  });
  return io;
}

function begin(
  io: ClientConnection,
  stream: ServerHttp2Stream,
  text: string,
  endsHere: boolean,
): void {
  const { limits } = io.thread.active.plan;
  const head = takeHead(io);
  if (text.length > limits.headerBytes) {
    refuse(io, 431, "the headers are too large");
    return;
  }
  const status = parseRequestHead(text, 0, text.length, limits, head);
  if (status !== 0) {
    refuse(io, status, head.problem);
    return;
  }
  const waits = !endsHere && headerValue(head, "expect") !== undefined; // anything else was a 417
  head.expectContinue = false; // it is said here, in frames
  head.chunked = !endsHere && head.contentLength < 0; // its length is not known
  beginRequest(io, head);
  if (waits && io.exchange !== undefined) sendContinue(stream);
}

function receive(io: ClientConnection, stream: ServerHttp2Stream): void {
  let unwanted = 0;
  stream.on("data", (piece: Buffer) => {
    guard(io, () => takeFrame(io, piece, 0, piece.length));
    if (!io.closing) return;
    unwanted += piece.length;
    if (unwanted > mostUnwanted) endReading(stream);
  });
  stream.on("end", () => guard(io, endFrames)); // of a stream that was reset it does not come
}

function onExchangeDone(io: ClientConnection, stream: ServerHttp2Stream): void {
  const exchange = io.exchange;
  if (exchange === undefined) return;
  io.exchange = undefined;
  io.deadline = Number.POSITIVE_INFINITY;
  if (io.head !== undefined) clearRequestHead(io.head);
  returnHead(io);
  if (io.closing || io.closed || stream.destroyed) return;
  // What still comes is judged as before: a client that is about to end its request is let.
  if (!stream.endAfterHeaders && !stream.readableEnded) startClosing(io);
  else io.socket.end();
  io.lastDone = performance.now();
}

/** RFC 9113 §8.1: the answer is complete, the rest of the request is not wanted. */
function endReading(stream: ServerHttp2Stream): void {
  if (stream.writableFinished) stream.close(h2ErrorCodes.noError);
  else stream.pause(); // its deadline is running
}

function ignore(): void {}
