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
import { type HeadSpeaker, h2Dialect } from "./h2-answer.ts";
import type { OutStream } from "./h2-outlet.ts";
import type { H2State } from "./h2-state.ts";

/** Of one body; it is given back as fast as its backend takes it. */
export const streamWindow = 128 * 1024;
/** Of a body that comes after its answer: what the client had on its way, and no more. */
const mostUnwanted = 128 * 1024;
/** Of an answer that is handed on in pieces: as much leaves before the end of the turn. */
const pieceBytes = 64 * 1024;

const continues = [":status", "100"];

/** The part of a socket that the code of client connections uses, no more. */
type SocketPart = { readonly [name in "_handle" | keyof Socket]?: unknown };

/**
 * A class, where others are records of functions: there is one for each request, and a dozen functions
 * of its own each were a third of all that a request allocates.
 */
export class H2Stream implements OutStream, HeadSpeaker, SocketPart {
  readonly id: number;
  readonly io: ClientConnection;
  readonly pieces: (Buffer | string)[] = [];
  sendWindow: number;
  waiting: number = 0;
  sent: number = 0;
  wantsEnd: boolean = false;
  hasSaidEnd: boolean = false;
  isListed: boolean = false;
  /** Its client has said END_STREAM. */
  hasEnded: boolean;
  isOver: boolean = false;
  /** Content-Length of the request; -1 for none. */
  announced: number = -1;
  private readonly state: H2State;
  private received: number = 0;
  private unwanted: number = 0;
  /** Bytes that came and were not given back to the client's window. */
  private taken: number = 0;
  private holdsBack: boolean = false;
  /** Somebody was told to wait. */
  private owesDrain: boolean = false;
  private corks: number = 0;
  private sentBeside: number = 0;

  /** @param hasEnded the request has no body */
  constructor(id: number, state: H2State, hasEnded: boolean) {
    this.id = id;
    this.state = state;
    this.hasEnded = hasEnded;
    this.sendWindow = state.settings.initialWindow;
    const socket = this as unknown as Socket;
    this.io = createClientConnection(socket, state.thread, state.facts, onExchangeDone, h2Dialect);
  }

  // ── what its client sends ──

  /**
   * The next bytes of its body are bytes[start, end), of a payload of `length`, padding included; returns
   * 0, or the code to reset it with.
   */
  receive(bytes: Buffer, start: number, end: number, length: number): number {
    this.taken += length;
    if (this.taken > streamWindow) return h2ErrorCodes.flowControlError;
    this.received += end - start;
    if (this.announced >= 0 && this.received > this.announced) return h2ErrorCodes.protocolError;
    const { io } = this;
    guard(io, () => takeFrame(io, bytes, start, end));
    if (io.closing) {
      this.unwanted += end - start;
      if (this.unwanted > mostUnwanted) {
        // RFC 9113 §8.1: the answer is complete, the rest of the request is not wanted.
        if (this.hasSaidEnd) this.state.closing.reset(this, h2ErrorCodes.noError);
        else this.holdsBack = true; // its deadline is running
      }
    }
    this.giveBack();
    return 0;
  }

  /** END_STREAM; returns 0, or the code to reset it with. */
  receiveEnd(): number {
    this.hasEnded = true;
    const isWhole = this.announced < 0 || this.received === this.announced;
    if (!isWhole) return h2ErrorCodes.protocolError;
    guard(this.io, endFrames);
    this.onMoved();
    return 0;
  }

  /** It is over, whoever ended it. */
  close(): void {
    this.isOver = true;
    this.hasSaidEnd = true; // or it would be said yet
    this.waiting = 0;
    this.pieces.length = 0;
    this.io.closed = true;
    guard(this.io, onClose);
  }

  private giveBack(): void {
    if (this.taken < streamWindow / 2 || this.holdsBack || this.hasEnded || this.isOver) return;
    this.state.outlet.put(windowUpdateFrame(this.id, this.taken));
    this.taken = 0;
  }

  // ── what it is answered ──

  isAnswered(): boolean {
    return this.isOver || this.wantsEnd;
  }

  say(fields: readonly string[], endStream: boolean): void {
    const { outlet, encoder } = this.state;
    outlet.put(headerFrames(this.id, encoder.encode(fields), endStream));
    if (!endStream) return;
    this.wantsEnd = true;
    this.hasSaidEnd = true;
  }

  /** Its connection has moved by so much: where its client would take it, it only waits its turn. */
  moveAlong(bytes: number): void {
    if (this.sendWindow > 0 && this.state.outlet.hasWindow()) this.sentBeside += bytes;
  }

  onMoved(): void {
    if (this.hasSaidEnd && this.hasEnded) {
      this.state.closing.endStream(this);
      return;
    }
    if (!this.owesDrain || this.waiting > 0) return;
    this.owesDrain = false;
    guard(this.io, onDrain);
  }

  // ── as a socket ──

  /** Of which `bytesTaken` is told. */
  get _handle(): { readonly bytesWritten: number } {
    return { bytesWritten: this.sent + this.sentBeside };
  }

  get writableLength(): number {
    return this.waiting;
  }

  get writableNeedDrain(): boolean {
    return this.waiting > 0;
  }

  write(bytes: Buffer | string): boolean {
    if (this.isAnswered()) return true;
    const { outlet } = this.state;
    this.pieces.push(bytes);
    this.waiting += bytes.length;
    outlet.list(this);
    if (this.waiting >= pieceBytes && this.corks === 0) outlet.flush();
    this.owesDrain = this.waiting > 0;
    return !this.owesDrain;
  }

  end(): void {
    if (this.isOver) return;
    if (this.hasSaidEnd) {
      this.onMoved(); // with the head of the answer
    } else if (!this.wantsEnd) {
      this.wantsEnd = true;
      this.state.outlet.list(this);
    }
  }

  cork(): void {
    this.corks += 1;
  }

  uncork(): void {
    this.corks -= 1;
  }

  pause(): void {
    this.holdsBack = true;
  }

  resume(): void {
    this.holdsBack = false;
    this.giveBack();
  }

  /** A client that has not got all of the answer must see it: NO_ERROR says that it has. */
  destroy(): void {
    if (this.isOver) return;
    const code = this.hasSaidEnd ? h2ErrorCodes.noError : h2ErrorCodes.internalError;
    this.state.closing.reset(this, code);
  }

  resetAndDestroy(): void {
    this.destroy();
  }
}

/** Begins the request that `fields` are. */
export function serveRequest(
  stream: H2Stream,
  request: Exclude<RequestText, { readonly kind: "malformed" }>,
): void {
  const { io } = stream;
  guard(io, () => {
    if (request.kind === "refused") refuse(io, request.status, request.problem);
    else begin(stream, request.text);
  });
}

function begin(stream: H2Stream, text: string): void {
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
  if (waits && io.exchange !== undefined && !io.exchange.begun) stream.say(continues, false);
}

function onExchangeDone(io: ClientConnection): void {
  const stream = io.socket as unknown as H2Stream;
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
