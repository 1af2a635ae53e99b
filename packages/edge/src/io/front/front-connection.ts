/**
 * One connection of a web server in front, over uwsgi, SCGI or FastCGI: reads requests, one at a
 * time, and has each served as a connection of its own, by the same routes and backends as any other.
 * Of uwsgi and SCGI there is one request; FastCGI says whether more follow.
 */
import { isIP, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { ListenerProtocol } from "@stack/config";
import {
  type CgiBlock,
  type CgiRequestFacts,
  createCgiRequestFacts,
  createFastcgiRequestReader,
  createRequestHead,
  createScgiReader,
  createUwsgiReader,
  encodeAnswerEnd,
  type FastcgiRequestReader,
  finishFastcgiRequest,
  parseCgiRequest,
  readFastcgiRequest,
  readScgi,
  readUwsgi,
} from "@stack/protocols";
import { plainAddress } from "../../core/routing/client-address.ts";
import { receiveBody } from "../client/client-body.ts";
import { createClientConnection, guard, onClose, onDrain } from "../client/client-connection.ts";
import { abandon } from "../client/client-exchange.ts";
import { beginRequest, refuse } from "../client/client-requests.ts";
import { type ClientConnection, waitFor } from "../client/client-state.ts";
import { endFrames, takeFrame } from "../client/framed-body.ts";
import type { ReadCallback } from "../thread/adopt-socket.ts";
import { bytesTaken } from "../thread/node-streams.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { createFrontDialect } from "./front-answer.ts";
import { createFrontSocket } from "./front-socket.ts";

/** For the other side to close, after our last byte; what it still sends is dropped. */
const lingerMs = 2_000;

export type FrontProtocol = Exclude<ListenerProtocol, "http">;

export interface FrontConnection {
  /** The request under way. */
  readonly io: () => ClientConnection | undefined;
  /** `performance.now()` at which it has waited too long for the other side; Infinity for never. */
  readonly deadline: () => number;
  readonly onRead: ReadCallback;
  /** The deadline has passed. */
  readonly expire: (now: number) => void;
  /** Ends it if it is between two requests. */
  readonly closeIfIdle: () => void;
}

export interface FrontOptions {
  readonly protocol: FrontProtocol;
  readonly socket: Socket;
  readonly thread: ThreadContext;
  readonly facts: ClientConnection["facts"];
  /** It does not speak the protocol; the connection is closed. */
  readonly onProblem: (problem: string) => void;
  readonly onClosed: () => void;
}

/** What stands before the body of the one request of a connection. */
interface HeadReader {
  readonly state: { readonly block: CgiBlock; readonly done: boolean; readonly problem: string };
  readonly read: (buffer: Buffer, start: number, end: number) => number;
}

export function openFrontConnection(options: FrontOptions): FrontConnection {
  const { protocol, socket, thread, facts } = options;
  const records = protocol === "fastcgi" ? createFastcgiRequestReader() : undefined;
  const heads = protocol === "fastcgi" ? undefined : createHeadReader(protocol);
  let io: ClientConnection | undefined;
  let deadline = performance.now() + thread.active.plan.timeoutsMs.idle;
  let isReadingHead = false;
  let isClosing = false;
  let isPaused = false;
  /** A FastCGI request whose body has no announced length: begun when its first piece or its end comes. */
  let isHeld = false;
  /** While it closes: what the kernel had taken when it was last looked at, and until when that may last. */
  let lastTaken = 0;
  let stalledAt = 0;

  socket.on("end", onPeerEnd);
  socket.on("drain", () => {
    if (io !== undefined) guard(io, onDrain);
  });
  socket.on("error", ignore); // 'close' follows
  socket.on("close", () => {
    isClosing = true;
    if (io !== undefined) {
      io.closed = true;
      guard(io, onClose);
    }
    options.onClosed();
  });

  function onRead(bytes: number, buffer: Buffer): boolean {
    let at = 0;
    while (at < bytes && !isClosing) {
      at =
        records === undefined ? readOne(buffer, at, bytes) : readRecord(records, buffer, at, bytes);
      const isBetween = records !== undefined && records.id === 0;
      if (io === undefined && !isReadingHead && !isBetween && !isClosing) {
        isReadingHead = true;
        deadline = performance.now() + thread.active.plan.timeoutsMs.header;
      }
    }
    return !isPaused;
  }

  /** uwsgi and SCGI: the head, then as much body as it announces. */
  function readOne(buffer: Buffer, start: number, end: number): number {
    if (heads === undefined) return end;
    if (!heads.state.done) {
      const at = heads.read(buffer, start, end);
      if (heads.state.problem !== "") breach(heads.state.problem);
      else if (heads.state.done) begin(heads.state.block, 0, false);
      return at;
    }
    const exchange = io?.exchange;
    if (io === undefined || exchange === undefined || exchange.bodyEnded) return end;
    let at = end;
    guard(io, () => {
      at = receiveBody(exchange, buffer, start, end);
    });
    return at;
  }

  function readRecord(
    reader: FastcgiRequestReader,
    buffer: Buffer,
    start: number,
    end: number,
  ): number {
    const at = readFastcgiRequest(reader, buffer, start, end);
    if (reader.problem !== "") {
      breach(reader.problem);
      return at;
    }
    switch (reader.event) {
      case "params":
        isHeld = !/(?:^|\0)CONTENT_LENGTH\0\d/.test(reader.block);
        if (!isHeld) begin(reader.block, reader.id, false);
        break;
      case "stdin":
        if (isHeld) beginHeld(reader, true);
        takeStdin(buffer, reader.dataStart, reader.dataEnd);
        break;
      case "stdinEnd":
        if (isHeld) beginHeld(reader, false);
        else if (io !== undefined) guard(io, endFrames);
        break;
      case "abort":
        if (io?.exchange === undefined) endRequest(reader.id);
        else guard(io, ({ exchange }) => exchange !== undefined && abandon(exchange));
        break;
      case "reply":
        socket.write(reader.reply, "latin1");
        break;
      default:
    }
    return at;
  }

  function takeStdin(buffer: Buffer, start: number, end: number): void {
    if (io === undefined) return;
    let problem = "";
    guard(io, (request) => {
      problem = takeBody(request, buffer, start, end);
    });
    if (problem !== "") breach(problem);
  }

  function beginHeld(reader: FastcgiRequestReader, hasBody: boolean): void {
    isHeld = false;
    begin(reader.block, reader.id, hasBody);
  }

  /** @param isUnsized a body of unknown length follows */
  function begin(block: CgiBlock, requestId: number, isUnsized: boolean): void {
    isReadingHead = false;
    deadline = Number.POSITIVE_INFINITY;
    const head = thread.heads.pop() ?? createRequestHead();
    const said = createCgiRequestFacts();
    const status = parseCgiRequest(block, thread.active.plan.limits, head, said);
    const request = createClientConnection(
      createFrontSocket({ socket, requestId, cut, pause, resume }),
      thread,
      status === 0 ? believe(facts, said) : facts,
      onExchangeDone,
      createFrontDialect(protocol, said.protocol || "HTTP/1.1"),
    );
    request.head = head;
    request.waiting = waitFor.nothing;
    request.deadline = Number.POSITIVE_INFINITY;
    io = request;
    guard(request, () => {
      if (status !== 0) {
        refuse(request, status, head.problem);
        return;
      }
      if (isUnsized) head.chunked = true;
      beginRequest(request, head);
    });
  }

  function onExchangeDone(done: ClientConnection): void {
    if (done.exchange === undefined || done !== io) return;
    io = undefined;
    done.exchange = undefined;
    done.closed = true;
    onClose(done); // what it holds is given back
    if (isClosing || done.closing || socket.destroyed) return;
    endRequest(records?.id ?? 0);
  }

  /** The answer is written: what ends it, and the connection unless it is to be kept. */
  function endRequest(requestId: number): void {
    if (records !== undefined) {
      socket.write(encodeAnswerEnd(requestId), "latin1");
      finishFastcgiRequest(records);
      isHeld = false;
      isReadingHead = false;
      deadline = performance.now() + thread.active.plan.timeoutsMs.idle;
      if (records.keepOpen && !thread.draining) {
        resume();
        return;
      }
    }
    close();
  }

  /** Our FIN after what is written; a reset could overtake it while the other side still sends. */
  function close(): void {
    if (isClosing) return;
    isClosing = true;
    deadline = performance.now() + lingerMs;
    socket.end();
    resume();
  }

  function cut(): void {
    isClosing = true;
    // Over TCP a reset says it: nginx takes any end for that of the answer, if it does not keep connections.
    if (facts.isUnix) socket.destroy();
    else socket.resetAndDestroy();
  }

  function breach(problem: string): void {
    options.onProblem(problem);
    isClosing = true;
    socket.destroy();
  }

  /**
   * It ends its side: nobody waits for an answer any more. But over SCGI some servers (lighttpd) say
   * so that the request is complete.
   */
  function onPeerEnd(): void {
    const exchange = io?.exchange;
    if (exchange === undefined) socket.end();
    else if (protocol !== "scgi" || !exchange.bodyEnded) socket.destroy();
  }

  function pause(): void {
    isPaused = true;
    socket.pause();
  }

  function resume(): void {
    if (!isPaused) return;
    isPaused = false;
    socket.resume();
  }

  /** Closing: as long as the other side takes what was written it may. */
  function isStillSending(now: number): boolean {
    const { idle } = thread.active.plan.timeoutsMs;
    if (socket.writableLength === 0) return false;
    const taken = bytesTaken(socket);
    if (taken !== lastTaken) {
      lastTaken = taken;
      stalledAt = now + idle;
    }
    return now < stalledAt;
  }

  return {
    io: () => io,
    deadline: () => deadline,
    onRead,
    expire(now) {
      if (isReadingHead) socket.destroy();
      else if (!isClosing) close();
      else if (isStillSending(now)) deadline = now + lingerMs;
      else socket.destroy();
    },
    closeIfIdle() {
      if (io === undefined && !isReadingHead) close();
    },
  };
}

/** What a web server says of a client takes the place of what the connection says. */
function believe(
  facts: ClientConnection["facts"],
  said: CgiRequestFacts,
): ClientConnection["facts"] {
  return {
    ...facts,
    peerAddress: isIP(said.remoteAddress) === 0 ? "" : plainAddress(said.remoteAddress),
    peerPort: said.remotePort,
    scheme: said.scheme,
    serverName: said.serverName || facts.serverName,
    serverPort: said.serverPort || facts.serverPort,
    front: { mountLength: said.scriptName.length, variables: said.variables, hasSaid: false },
  };
}

function createHeadReader(protocol: "uwsgi" | "scgi"): HeadReader {
  if (protocol === "uwsgi") {
    const state = createUwsgiReader();
    return { state, read: (buffer, start, end) => readUwsgi(state, buffer, start, end) };
  }
  const state = createScgiReader();
  return { state, read: (buffer, start, end) => readScgi(state, buffer, start, end) };
}

/** A piece of a FastCGI request's body; "" or why the connection cannot go on. */
function takeBody(io: ClientConnection, buffer: Buffer, start: number, end: number): string {
  const exchange = io.exchange;
  if (exchange === undefined || exchange.done) return "";
  const total = exchange.bodyReceived + end - start;
  if (exchange.bodyEnded || (exchange.bodyLength >= 0 && total > exchange.bodyLength)) {
    return "STDIN that is longer than its CONTENT_LENGTH";
  }
  takeFrame(io, buffer, start, end);
  return "";
}

function ignore(): void {}
