/**
 * One HTTP/2 connection (RFC 9113): its frames go to those who know them, and here is how it ends. What breaks
 * the rules for a stream costs the stream, what breaks those of the connection, or asks too much of it, the
 * connection.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { h2ErrorCodes as code } from "../../core/h2/error-codes.ts";
import { createFrameReader, type Frame } from "../../core/h2/frame-reader.ts";
import {
  firstWindow,
  frameType,
  goawayFrame,
  resetFrame,
  settingId,
  settingsFrame,
  windowUpdateFrame,
} from "../../core/h2/frames.ts";
import { createLinger, type Linger, lingerMs } from "../../core/h2/linger.ts";
import { checkDeadlines } from "../client/client-closing.ts";
import { failHead, guard } from "../client/client-connection.ts";
import type { ClientConnection, ClientExchange } from "../client/client-state.ts";
import { bytesTaken } from "../thread/node-streams.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import {
  takeGoaway,
  takePing,
  takePriority,
  takeSettings,
  takeWindowUpdate,
} from "./control-frames.ts";
import { createOutlet } from "./h2-outlet.ts";
import { connectionWindow, createH2State, type H2State, maxStreams } from "./h2-state.ts";
import { type H2Stream, streamWindow } from "./h2-stream.ts";
import { takeContinuation, takeData, takeHeaders, takeReset } from "./request-frames.ts";

/** A proxy that speaks for many sends what they cancel over one connection: as often as not it is forgiven. */
const mostForgiven = 1_000;
/** RFC 9113 §6.8: the first GOAWAY of a drain lets requests that are on their way in. */
const everyStream = 2 ** 31 - 1;

export interface H2Connection {
  /** Takes buffer[0, length); false: read no more until it says so. */
  readonly receive: (buffer: Buffer, length: number) => boolean;
  readonly exchanges: () => Iterable<ClientExchange>;
  readonly check: (now: number) => void;
  /** Says that no new requests are wanted; those that come all the same are served. */
  readonly drain: () => void;
  /** No new requests from here on; it closes when those it has are answered. */
  readonly close: () => void;
  /** The socket is gone. */
  readonly onClosed: () => void;
}

export function createH2Connection(
  socket: Socket,
  thread: ThreadContext,
  facts: ClientConnection["facts"],
): H2Connection {
  const { timeoutsMs } = thread.active.plan;
  const outlet = createOutlet(socket, thread.turnEnd, onBug);
  const state = createH2State(thread, facts, outlet, { reset, endStream, close, startClosing });
  const { streams, ids } = state;
  const read = createFrameReader((frame) => (isOver ? 0 : takeFrame(state, frame)));
  /** Its end is an error. */
  let hasFailed = false;
  /** It broke the rules, or its client left: nothing that comes is of interest. */
  let isOver = false;
  /** What the kernel had taken when it was last looked at. */
  let taken = 0;
  /** When it is closed, if nothing happens before. */
  let idleAt = performance.now() + timeoutsMs.idle;
  /** After the last that is said, to a client that did nothing wrong. */
  let linger: Linger | undefined;

  outlet.put(
    settingsFrame([
      [settingId.maxConcurrentStreams, maxStreams],
      [settingId.initialWindowSize, streamWindow],
      [settingId.maxHeaderListSize, state.listBytes],
    ]) + windowUpdateFrame(0, connectionWindow - firstWindow),
  );

  function reset(stream: H2Stream, why: number): void {
    if (stream.isOver) return;
    outlet.put(resetFrame(stream.id, why));
    if (!stream.hasEnded) ids.closeEarly(stream.id);
    close(stream);
  }

  function endStream(stream: H2Stream): void {
    state.answered = Math.min(state.answered + 1, mostForgiven);
    close(stream);
  }

  function close(stream: H2Stream): void {
    if (stream.isOver) return;
    streams.delete(stream.id);
    idleAt = performance.now() + (state.isClosing ? lingerMs : timeoutsMs.idle);
    stream.close();
    if (state.isClosing && streams.size === 0) end();
  }

  function end(): void {
    if (isOver) return;
    isOver = true;
    const now = performance.now();
    idleAt = now + lingerMs;
    if (!hasFailed) linger = createLinger(timeoutsMs.idle, now, bytesTaken(socket));
    outlet.flush();
    socket.end();
  }

  /** Says why with GOAWAY, and ends. */
  function fail(why: number): void {
    if (isOver) return;
    outlet.put(goawayFrame(ids.last(), why));
    state.isClosing = true;
    hasFailed = true;
    abandonAll();
    end();
  }

  function abandonAll(): void {
    for (const stream of [...streams.values()]) close(stream);
  }

  function startClosing(): void {
    if (state.isClosing) return;
    state.isClosing = true;
    idleAt = performance.now() + lingerMs;
    outlet.put(goawayFrame(ids.last(), code.noError));
    if (streams.size === 0) end();
  }

  function isDone(now: number): boolean {
    return linger?.isDone(now, socket.writableLength, bytesTaken(socket)) ?? true;
  }

  function onBug(error: unknown): void {
    thread.log.error(`a connection failed: ${error instanceof Error ? error.stack : error}`);
    fail(code.internalError);
    socket.destroy();
  }

  return {
    receive(buffer, length) {
      if (isOver) {
        linger?.hear();
        return true;
      }
      try {
        const problem = read(buffer, length);
        if (problem !== 0) fail(problem);
      } catch (error) {
        onBug(error);
      }
      return !outlet.isFull();
    },
    *exchanges() {
      for (const { io } of streams.values()) {
        if (io.exchange !== undefined && !io.exchange.done) yield io.exchange;
      }
    },
    check(now) {
      const moved = bytesTaken(socket) - taken;
      taken += moved;
      for (const stream of streams.values()) {
        const { io } = stream;
        stream.moveAlong(moved);
        if (io.sending || now >= io.deadline) guard(io, () => checkDeadlines(io, now, failHead));
      }
      if (streams.size > 0 || now < idleAt) return;
      if (!state.isClosing) startClosing();
      else if (isDone(now)) socket.destroy();
    },
    drain() {
      if (!state.isClosing) outlet.put(goawayFrame(everyStream, code.noError));
    },
    close: startClosing,
    onClosed() {
      isOver = true;
      abandonAll();
    },
  };
}

/** Returns 0, or the code to end the connection with. */
function takeFrame(state: H2State, frame: Frame): number {
  const { block } = state;
  const isNext = frame.type === frameType.continuation && frame.stream === block?.stream;
  if (block !== undefined && !isNext) return code.protocolError;
  switch (frame.type) {
    case frameType.data:
      return takeData(state, frame);
    case frameType.headers:
      return takeHeaders(state, frame);
    case frameType.priority:
      return takePriority(state, frame);
    case frameType.reset:
      return takeReset(state, frame);
    case frameType.settings:
      return takeSettings(state, frame);
    case frameType.pushPromise:
      return code.protocolError;
    case frameType.ping:
      return takePing(state, frame);
    case frameType.goaway:
      return takeGoaway(state, frame);
    case frameType.windowUpdate:
      return takeWindowUpdate(state, frame);
    case frameType.continuation:
      return takeContinuation(state, frame);
    default:
      return 0; // §5.5
  }
}
