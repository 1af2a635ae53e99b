/**
 * One request of HTTP/2: its stream becomes a connection of its own with one exchange on it, served
 * by the same routes and backends as any other. What its client does wrong costs this stream.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { clearRequestHead, headerValue, parseRequestHead } from "@stack/protocols";
import { h2ErrorCodes } from "../../core/h2/error-codes.ts";
import { headerFrames, windowUpdateFrame } from "../../core/h2/frames.ts";
import type { RequestText } from "../../core/h2/request-text.ts";
import { startClosing } from "../client/client-closing.ts";
import { createClientConnection, guard, onClose, onDrain } from "../client/client-connection.ts";
import { beginRequest, refuse, returnHead, takeHead } from "../client/client-requests.ts";
import type { ClientConnection } from "../client/client-state.ts";
import { endFrames, takeFrame } from "../client/framed-body.ts";
import type { SocketInternals } from "../thread/node-streams.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { type HeadSpeaker, h2Dialect } from "./h2-answer.ts";
import type { Outlet, OutStream } from "./h2-outlet.ts";

/** Of one body; it is given back as fast as its backend takes it. */
export const streamWindow = 128 * 1024;
/** Of a body that comes after its answer: what the client had on its way, and no more. */
const mostUnwanted = 128 * 1024;
/** Of an answer that is handed on in pieces: as much leaves before the end of the turn. */
const pieceBytes = 64 * 1024;

export interface H2Stream extends OutStream {
  readonly io: ClientConnection;
  /** Its client has said END_STREAM. */
  hasEnded: boolean;
  isOver: boolean;
  /** Content-Length of the request; -1 for none. */
  announced: number;
  /**
   * The next bytes of its body are bytes[start, end), of a payload of `length`, padding included; returns
   * 0, or the code to reset it with.
   */
  readonly receive: (bytes: Buffer, start: number, end: number, length: number) => number;
  /** END_STREAM; returns 0, or the code to reset it with. */
  readonly end: () => number;
  /** It is over, whoever ended it. */
  readonly close: () => void;
}

export interface H2StreamOptions {
  readonly id: number;
  readonly thread: ThreadContext;
  readonly facts: ClientConnection["facts"];
  readonly outlet: Outlet;
  readonly sendWindow: number;
  /** The request has no body. */
  readonly endsHere: boolean;
  /** Header blocks of this connection. */
  readonly encode: (fields: readonly string[]) => string;
  /** The stream is to be reset. */
  readonly reset: (stream: H2Stream, code: number) => void;
  /** Both sides have said their end. */
  readonly onEnded: (stream: H2Stream) => void;
}

export function createH2Stream(options: H2StreamOptions): H2Stream {
  const { id, thread, outlet, encode } = options;
  const pieces: (Buffer | string)[] = [];
  let received = 0;
  let unwanted = 0;
  /** Bytes that came and were not given back to the client's window. */
  let taken = 0;
  let isPaused = false;
  /** Somebody was told to wait. */
  let owesDrain = false;
  let corks = 0;

  function giveBack(): void {
    if (taken < streamWindow / 2 || isPaused || stream.hasEnded || stream.isOver) return;
    outlet.put(windowUpdateFrame(id, taken));
    taken = 0;
  }

  function onMoved(): void {
    if (stream.hasSaidEnd && stream.hasEnded) {
      options.onEnded(stream);
      return;
    }
    if (!owesDrain || stream.waiting > 0) return;
    owesDrain = false;
    guard(stream.io, onDrain);
  }

  /** A client that has not got all of the answer must see it: NO_ERROR says that it has. */
  function cut(): void {
    if (stream.isOver) return;
    options.reset(stream, stream.hasSaidEnd ? h2ErrorCodes.noError : h2ErrorCodes.internalError);
  }

  /** The part of a socket that the code of client connections uses, no more; and what says heads. */
  const socket = {
    isOver: () => stream.isOver || stream.wantsEnd,
    say(fields: readonly string[], endStream: boolean): void {
      outlet.put(headerFrames(id, encode(fields), endStream));
      if (!endStream) return;
      stream.wantsEnd = true;
      stream.hasSaidEnd = true;
    },
    /** Of which `bytesTaken` is told: what the connection has taken of it. */
    get _handle() {
      return { bytesWritten: stream.sent };
    },
    get writableLength() {
      return stream.waiting;
    },
    get writableNeedDrain() {
      return stream.waiting > 0;
    },
    write(bytes: Buffer | string): boolean {
      if (stream.isOver || stream.wantsEnd) return true;
      pieces.push(bytes);
      stream.waiting += bytes.length;
      outlet.list(stream);
      if (stream.waiting >= pieceBytes && corks === 0) outlet.flush();
      owesDrain = stream.waiting > 0;
      return !owesDrain;
    },
    end() {
      if (stream.isOver) return;
      if (stream.hasSaidEnd)
        onMoved(); // with the head of the answer
      else if (!stream.wantsEnd) {
        stream.wantsEnd = true;
        outlet.list(stream);
      }
    },
    cork() {
      corks += 1;
    },
    uncork() {
      corks -= 1;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      giveBack();
    },
    destroy: cut,
    resetAndDestroy: cut,
  } satisfies HeadSpeaker &
    Pick<SocketInternals, "_handle"> & { readonly [name in keyof Socket]?: unknown };

  const stream: H2Stream = {
    id,
    io: createClientConnection(
      socket as unknown as Socket,
      thread,
      options.facts,
      (io) => onExchangeDone(io, stream),
      h2Dialect,
    ),
    sendWindow: options.sendWindow,
    pieces,
    waiting: 0,
    sent: 0,
    wantsEnd: false,
    hasSaidEnd: false,
    isListed: false,
    onMoved,
    hasEnded: options.endsHere,
    isOver: false,
    announced: -1,
    receive(bytes, start, end, length) {
      taken += length;
      if (taken > streamWindow) return h2ErrorCodes.flowControlError;
      received += end - start;
      if (stream.announced >= 0 && received > stream.announced) return h2ErrorCodes.protocolError;
      const { io } = stream;
      guard(io, () => takeFrame(io, bytes, start, end));
      if (io.closing) {
        unwanted += end - start;
        if (unwanted > mostUnwanted) {
          // RFC 9113 §8.1: the answer is complete, the rest of the request is not wanted.
          if (stream.hasSaidEnd) options.reset(stream, h2ErrorCodes.noError);
          else isPaused = true; // its deadline is running
        }
      }
      giveBack();
      return 0;
    },
    end() {
      stream.hasEnded = true;
      const isWhole = stream.announced < 0 || received === stream.announced;
      if (!isWhole) return h2ErrorCodes.protocolError;
      guard(stream.io, endFrames);
      onMoved();
      return 0;
    },
    close() {
      stream.isOver = true;
      stream.hasSaidEnd = true; // or it would be said yet
      stream.waiting = 0;
      pieces.length = 0;
      stream.io.closed = true;
      guard(stream.io, onClose);
    },
  };
  return stream;
}

/** Begins the request that `fields` are. */
export function serveRequest(
  stream: H2Stream,
  request: Exclude<RequestText, { readonly kind: "malformed" }>,
  sayContinue: () => void,
): void {
  const { io } = stream;
  guard(io, () => {
    if (request.kind === "refused") refuse(io, request.status, request.problem);
    else begin(stream, request.text, sayContinue);
  });
}

function begin(stream: H2Stream, text: string, sayContinue: () => void): void {
  const { io, hasEnded } = stream;
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
  head.received = "2.0";
  stream.announced = head.contentLength;
  const waits = !hasEnded && headerValue(head, "expect") !== undefined; // anything else was a 417
  head.expectContinue = false; // it is said here, in frames
  // Its length is not known; or it is said to be nothing, and END_STREAM has to show it (RFC 9113 §8.1.1).
  head.chunked = !hasEnded && head.contentLength <= 0;
  if (head.chunked) head.contentLength = -1;
  beginRequest(io, head);
  if (waits && io.exchange !== undefined && !io.exchange.begun) sayContinue();
}

function onExchangeDone(io: ClientConnection, stream: H2Stream): void {
  const exchange = io.exchange;
  if (exchange === undefined) return;
  io.exchange = undefined;
  io.deadline = Number.POSITIVE_INFINITY;
  if (io.head !== undefined) clearRequestHead(io.head);
  returnHead(io);
  if (io.closing || io.closed || stream.isOver) return;
  // What still comes is judged as before: a client that is about to end its request is let.
  if (stream.hasEnded) io.socket.end();
  else startClosing(io);
  io.lastDone = performance.now();
}
