/**
 * One HTTP/2 connection (RFC 9113): its frames, its streams and what both may do. What breaks the rules for a
 * stream costs the stream, what breaks those of the connection, or asks too much of it, the connection.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { createHpackDecoder, createHpackEncoder } from "@stack/protocols";
import { h2ErrorCodes as code } from "../../core/h2/error-codes.ts";
import { createFloodGuard, type FloodKind } from "../../core/h2/flood-guard.ts";
import { createFrameReader, type Frame } from "../../core/h2/frame-reader.ts";
import {
  firstWindow,
  frameFlag,
  frameType,
  goawayFrame,
  headerFrames,
  mostWindow,
  pingAck,
  resetFrame,
  settingId,
  settingsAck,
  settingsFrame,
  uint31At,
  uint32At,
  windowUpdateFrame,
} from "../../core/h2/frames.ts";
import { createLinger, type Linger, lingerMs } from "../../core/h2/linger.ts";
import { createOpenBlock, type OpenBlock } from "../../core/h2/open-block.ts";
import { findBlock, findData, type Span } from "../../core/h2/payloads.ts";
import { createPeerSettings, readSettings } from "../../core/h2/peer-settings.ts";
import { formatRequestText, isTrailer, type RequestText } from "../../core/h2/request-text.ts";
import { createStreamIds } from "../../core/h2/stream-ids.ts";
import { checkDeadlines } from "../client/client-closing.ts";
import { failHead, guard } from "../client/client-connection.ts";
import type { ClientConnection, ClientExchange } from "../client/client-state.ts";
import { bytesTaken } from "../thread/node-streams.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { createOutlet } from "./h2-outlet.ts";
import { createH2Stream, type H2Stream, serveRequest, streamWindow } from "./h2-stream.ts";

const maxStreams = 100;
/** Of the bodies of all requests together; it is given back as they come. */
const connectionWindow = 1024 * 1024;
const tableBytes = 4_096;
/** DATA that is more frame than body. */
const tinyData = 16;
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
  const { limits, timeoutsMs } = thread.active.plan;
  const listBytes = Math.max(limits.headerBytes, 16 * 1024);
  const decoder = createHpackDecoder({
    tableBytes,
    listBytes,
    listFields: limits.headerCount + 8, // one more and the pseudo-fields: then it is a 431
  });
  const encoder = createHpackEncoder();
  const settings = createPeerSettings();
  const streams = new Map<number, H2Stream>();
  const ids = createStreamIds();
  const floods = createFloodGuard();
  const outlet = createOutlet(socket, thread.turnEnd, onBug);
  const read = createFrameReader(takeFrame);
  /** Scratch. */
  const span: Span = { from: 0, to: 0 };
  /** A header block whose end is still to come. */
  let block: OpenBlock | undefined;
  /** Bytes of bodies that came and were not given back to the connection's window. */
  let taken = 0;
  /** Answers that were wanted to their end, less the resets that are forgiven for them. */
  let answered = 0;
  let isClosing = false;
  /** Its end is an error. */
  let hasFailed = false;
  /** It broke the rules, or its client left: nothing that comes is of interest. */
  let isOver = false;
  /** When it is closed, if nothing happens before. */
  let idleAt = performance.now() + timeoutsMs.idle;
  /** After the last that is said, to a client that did nothing wrong. */
  let linger: Linger | undefined;

  outlet.put(
    settingsFrame([
      [settingId.maxConcurrentStreams, maxStreams],
      [settingId.initialWindowSize, streamWindow],
      [settingId.maxHeaderListSize, listBytes],
    ]) + windowUpdateFrame(0, connectionWindow - firstWindow),
  );

  function takeFrame(frame: Frame): number {
    if (isOver) return 0;
    const isNext = frame.type === frameType.continuation && frame.stream === block?.stream;
    if (block !== undefined && !isNext) return code.protocolError;
    switch (frame.type) {
      case frameType.data:
        return takeData(frame);
      case frameType.headers:
        return takeHeaders(frame);
      case frameType.priority:
        return takePriority(frame);
      case frameType.reset:
        return takeReset(frame);
      case frameType.settings:
        return takeSettings(frame);
      case frameType.pushPromise:
        return code.protocolError;
      case frameType.ping:
        return takePing(frame);
      case frameType.goaway:
        return takeGoaway(frame);
      case frameType.windowUpdate:
        return takeWindowUpdate(frame);
      case frameType.continuation:
        return takeContinuation(frame);
      default:
        return 0; // §5.5
    }
  }

  function count(kind: FloodKind): number {
    return floods.count(kind, performance.now()) ? code.enhanceYourCalm : 0;
  }

  function takeData(frame: Frame): number {
    const { flags, stream: id, bytes, start, end } = frame;
    if (id === 0 || id > ids.last() || id % 2 === 0) return code.protocolError;
    const length = end - start;
    const problem = findData(frame, span);
    if (problem !== 0) return problem;
    taken += length;
    if (taken > connectionWindow) return code.flowControlError;
    if (taken >= connectionWindow / 2) {
      outlet.put(windowUpdateFrame(0, taken));
      taken = 0;
    }
    const ends = (flags & frameFlag.endStream) !== 0;
    const stream = streams.get(id);
    if (stream === undefined) {
      if (!ids.isLate(id)) return ids.isSkipped(id) ? code.protocolError : code.streamClosed;
      if (ends) ids.endLate(id);
    } else if (stream.hasEnded) {
      return code.streamClosed;
    } else {
      let wrong = stream.receive(bytes, span.from, span.to, length);
      if (wrong === 0 && ends && !stream.isOver) wrong = stream.end();
      if (ends) ids.endLate(id);
      if (wrong !== 0) return blame(stream, wrong);
    }
    return length < tinyData && !ends ? count("idle") : 0;
  }

  function takeHeaders(frame: Frame): number {
    const { flags, stream: id, bytes } = frame;
    if (id === 0 || id % 2 === 0) return code.protocolError;
    const problem = findBlock(frame, span);
    if (problem !== 0) return problem;
    if (id > ids.last()) ids.begin(id);
    else if (ids.isSkipped(id)) return code.protocolError;
    else if (streams.get(id)?.hasEnded ?? !ids.isLate(id)) return code.streamClosed;
    const endStream = (flags & frameFlag.endStream) !== 0;
    const { from, to } = span;
    if ((flags & frameFlag.endHeaders) !== 0) return takeBlock(id, endStream, bytes, from, to);
    // Compressed it is shorter than what it says, or it is too long anyway.
    block = createOpenBlock(id, endStream, bytes.subarray(from, to), 2 * listBytes);
    return 0;
  }

  function takeContinuation(frame: Frame): number {
    if (block === undefined) return code.protocolError;
    const problem = block.add(frame) || count("idle");
    if (problem !== 0 || (frame.flags & frameFlag.endHeaders) === 0) return problem;
    const { stream, endStream } = block;
    const whole = block.whole();
    block = undefined;
    return takeBlock(stream, endStream, whole, 0, whole.length);
  }

  /** Whole fields of a request, or of the trailer of one. */
  function takeBlock(
    id: number,
    endStream: boolean,
    bytes: Buffer,
    start: number,
    end: number,
  ): number {
    // Always, or the table would not be the client's.
    const list = decoder.decode(bytes, start, end);
    if (list === undefined) return code.compressionError;
    const stream = streams.get(id);
    if (stream !== undefined) return takeTrailer(stream, endStream, list.fields);
    if (ids.isLate(id)) {
      if (endStream) ids.endLate(id);
      return 0;
    }
    if (isClosing || streams.size >= maxStreams) {
      outlet.put(resetFrame(id, code.refusedStream));
      if (!endStream) ids.closeEarly(id);
      return count("resets");
    }
    const request: RequestText = list.isTooLarge
      ? { kind: "refused", status: 431, problem: "the headers are too large" }
      : formatRequestText(list.fields, endStream);
    if (request.kind === "malformed") {
      outlet.put(resetFrame(id, code.protocolError));
      if (!endStream) ids.closeEarly(id);
      return count("malformed");
    }
    const begun = createH2Stream({
      id,
      thread,
      facts,
      outlet,
      endsHere: endStream,
      sendWindow: settings.initialWindow,
      encode: encoder.encode,
      reset,
      onEnded(ended) {
        answered = Math.min(answered + 1, mostForgiven);
        close(ended);
      },
    });
    streams.set(id, begun);
    const sayContinue = (): void =>
      outlet.put(headerFrames(id, encoder.encode([":status", "100"]), false));
    serveRequest(begun, request, sayContinue);
    return 0;
  }

  /** §8.1: it ends the request; what it says is dropped. */
  function takeTrailer(stream: H2Stream, endStream: boolean, fields: readonly string[]): number {
    const problem = endStream && isTrailer(fields) ? stream.end() : code.protocolError;
    return problem === 0 ? 0 : blame(stream, problem);
  }

  /** RFC 7540 §5.3.1, §6.3; RFC 9113 §5.3.2 wants no more of it. */
  function takePriority({ stream: id, bytes, start, end }: Frame): number {
    if (id === 0) return code.protocolError;
    if (end - start !== 5) return code.frameSizeError;
    return uint31At(bytes, start) === id ? code.protocolError : count("idle");
  }

  function takeReset({ stream: id, bytes, start, end }: Frame): number {
    if (id === 0 || id > ids.last() || id % 2 === 0) return code.protocolError;
    if (end - start !== 4) return code.frameSizeError;
    const stream = streams.get(id);
    ids.endLate(id);
    if (stream === undefined) return count("idle");
    stream.hasEnded = true;
    close(stream);
    if (uint32At(bytes, start) === code.noError) return 0;
    if (answered === 0) return count("resets");
    answered -= 1;
    return 0;
  }

  function takeSettings(frame: Frame): number {
    const { flags, stream: id, start, end } = frame;
    if (id !== 0) return code.protocolError;
    if ((flags & frameFlag.ack) !== 0) return end > start ? code.frameSizeError : count("idle");
    const before = settings.initialWindow;
    const problem = readSettings(settings, frame, encoder.limitTable);
    if (problem !== 0) return problem;
    const change = settings.initialWindow - before;
    for (const stream of change === 0 ? [] : streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > mostWindow) return code.flowControlError;
      if (stream.waiting > 0) outlet.list(stream);
    }
    outlet.put(settingsAck);
    return count("settings");
  }

  function takePing({ flags, stream: id, bytes, start, end }: Frame): number {
    if (id !== 0) return code.protocolError;
    if (end - start !== 8) return code.frameSizeError;
    if ((flags & frameFlag.ack) !== 0) return count("idle");
    outlet.put(pingAck(bytes.toString("latin1", start, end)));
    return count("pings");
  }

  function takeGoaway({ stream: id, start, end }: Frame): number {
    if (id !== 0) return code.protocolError;
    if (end - start < 8) return code.frameSizeError;
    startClosing();
    return count("idle");
  }

  function takeWindowUpdate({ stream: id, bytes, start, end }: Frame): number {
    if (end - start !== 4) return code.frameSizeError;
    const increment = uint31At(bytes, start);
    if (id === 0) {
      if (increment === 0) return code.protocolError;
      return outlet.widen(increment) ? countUpdate() : code.flowControlError;
    }
    if (id > ids.last() || id % 2 === 0) return code.protocolError;
    const stream = streams.get(id);
    if (stream === undefined) return countUpdate();
    stream.sendWindow += increment;
    if (increment === 0) return blame(stream, code.protocolError);
    if (stream.sendWindow > mostWindow) return blame(stream, code.flowControlError);
    if (stream.waiting > 0) outlet.list(stream);
    return countUpdate();
  }

  /** A client that reads fast says so often. */
  function countUpdate(): number {
    return outlet.explainsUpdate() ? 0 : count("idle");
  }

  /** What its client did wrong ends a stream; done over and over it costs us requests (CVE-2025-8671). */
  function blame(stream: H2Stream, why: number): number {
    reset(stream, why);
    return count("resets");
  }

  function reset(stream: H2Stream, why: number): void {
    if (stream.isOver) return;
    outlet.put(resetFrame(stream.id, why));
    if (!stream.hasEnded) ids.closeEarly(stream.id);
    close(stream);
  }

  function close(stream: H2Stream): void {
    if (stream.isOver) return;
    streams.delete(stream.id);
    idleAt = performance.now() + (isClosing ? lingerMs : timeoutsMs.idle);
    stream.close();
    if (isClosing && streams.size === 0) end();
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
    isClosing = true;
    hasFailed = true;
    abandonAll();
    end();
  }

  function abandonAll(): void {
    for (const stream of [...streams.values()]) close(stream);
  }

  function startClosing(): void {
    if (isClosing) return;
    isClosing = true;
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
      for (const { io } of streams.values()) {
        if (io.sending || now >= io.deadline) guard(io, () => checkDeadlines(io, now, failHead));
      }
      if (streams.size > 0 || now < idleAt) return;
      if (!isClosing) startClosing();
      else if (isDone(now)) socket.destroy();
    },
    drain() {
      if (!isClosing) outlet.put(goawayFrame(everyStream, code.noError));
    },
    close: startClosing,
    onClosed() {
      isOver = true;
      abandonAll();
    },
  };
}
