/**
 * One connection to a server, whatever it speaks: one request after the other, each with its body at the pace of
 * both sides. It reads into the thread's shared buffer, always, so that the server's end is seen at
 * once; only while the client is slower than the server does it stop.
 *
 *   connecting ──▸ busy ──▸ idle ──▸ busy …          any ──▸ closed
 */
import { connect, type Socket } from "node:net";
import type { SocketAddress } from "@stack/base";
import { encodeProxyHeader, type HeadLimits, type ResponseHead } from "@stack/protocols";
import type { Exchange, ExchangeOwner, LinkObserver, LinkOutcome } from "../exchange.ts";
import type { ChunkPool } from "../static/chunk-pool.ts";
import { bytesTaken } from "../thread/node-streams.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { type Holder, type Reader, shortBytes } from "../thread/turn-end.ts";
import { answerState, awaitsHead } from "./http-answer.ts";
import { proxyAddresses } from "./proxy-addresses.ts";
import type { Sending, ServerProtocol } from "./server-protocol.ts";

export interface HttpConnection extends Reader, Holder {
  readonly phase: () => "connecting" | "idle" | "busy" | "closed";
  /** It has said something since the last `check`. */
  readonly isRecent: () => boolean;
  /** Sends the exchange: at once when idle, or when connected. */
  readonly start: (exchange: Exchange, observer: LinkObserver) => void;
  /** Compares its deadline with the time; called a few times per second. */
  readonly check: (nowMs: number) => void;
  /** Closes it now; an exchange on it must be over. */
  readonly close: () => void;
}

export interface HttpConnectionOptions {
  readonly address: SocketAddress;
  readonly protocol: ServerProtocol;
  /** Says who the client is before each request; such connections are used once. */
  readonly proxyProtocol?: 1 | 2 | undefined;
  /** Shared by all connections of the thread; no byte of it may be kept. */
  readonly readBuffer: Buffer;
  /** Scratch, shared as well. */
  readonly head: ResponseHead;
  readonly chunks: ChunkPool;
  readonly limits: HeadLimits;
  readonly connectMs: number;
  /** Until the head of the answer, and between two pieces of its body. */
  readonly firstByteMs: () => number;
  /** How long it may rest, asked when it begins to. */
  readonly idleMs: () => number;
  /** It can be used again. */
  readonly onIdle: (connection: HttpConnection) => void;
  readonly onClosed: (connection: HttpConnection) => void;
  /** It ended before anything of this request was sent: it goes over another connection. */
  readonly onUnsent: (exchange: Exchange, observer: LinkObserver) => void;
  readonly onBug: (error: unknown) => void;
  /** The thread that serves clients from it; none for probes. */
  readonly thread?: Pick<ThreadContext, "turnEnd" | "quicken"> | undefined;
}

const never = Number.POSITIVE_INFINITY;
/** For what a tunnel has not written yet when both its sides have ended. */
const lingerMs = 5_000;

export function openHttpConnection(options: HttpConnectionOptions): HttpConnection {
  const source = options.protocol.openSource();
  const { reader } = source;
  let phase: "connecting" | "idle" | "busy" | "closed" = "connecting";
  let exchange: Exchange | undefined;
  let observer: LinkObserver | undefined;
  /** How long the next step may take, and when it was first seen to be awaited; 0 for not yet. */
  let limitMs = options.connectMs;
  let since = 0;
  /** When a request whose times are wanted was given to it. */
  let askedAt = 0;
  /** All of the request was handed to the socket, or is held. */
  let isSent = false;
  /** What the kernel had taken for it when its time began. */
  let taken = 0;
  /** Something came of the answer. */
  let isAnswering = false;
  /** A request that leaves at the end of the turn. */
  let held = "";
  /** The beginning of an answer, which is taken in at the end of the turn. */
  let arrived = "";
  let sending: Sending | undefined;
  /** It was upgraded: both sides end on their own, and the client's deadline is the only one. */
  let isTunnel = false;
  /** Requests it was given. */
  let served = 0;

  /** Time runs from the next check on, so that no request has to read the clock. */
  const expect = (ms: number): void => {
    limitMs = ms;
    since = 0;
  };
  const close = (): void => {
    if (phase === "closed") return;
    phase = "closed";
    held = "";
    arrived = "";
    socket.destroy();
    options.onClosed(connection);
  };
  const hold = (text: string): void => {
    held = text;
    if (options.thread === undefined) connection.writeHeld();
    else options.thread.turnEnd.ask(connection);
  };
  /** Hands the exchange back; the connection must be idle or closed by now. */
  const settle = (outcome: LinkOutcome): void => {
    const settled = exchange;
    const told = observer;
    exchange = undefined;
    observer = undefined;
    if (settled === undefined) return;
    if (!settled.done) settled.owner = undefined;
    told?.onSettled(settled, outcome, served > 1);
  };
  const fail = (status: number, reason: string): void => {
    const failed = exchange;
    close();
    failed?.fail(status, reason);
    settle("answered");
  };
  const finish = (): void => {
    // Servers that send a body with the answer to HEAD are not rare; it would begin the next answer.
    const mayHaveMore = reader.hasSurplus || exchange?.isHead === true;
    if (!reader.keepAlive || !isSent || mayHaveMore || socket.readableEnded) {
      close();
      settle("answered");
      return;
    }
    rest();
  };
  /** The request is over, and the connection can take another. */
  const rest = (): void => {
    phase = "idle";
    // A server that says how long it waits is believed, a second less: it must not close first.
    const heldMs = reader.heldMs <= 0 ? never : Math.max(500, reader.heldMs - 1_000);
    expect(Math.min(options.idleMs(), heldMs));
    settle("answered");
    // The observer may have closed it.
    if (phase === "idle") options.onIdle(connection);
  };
  const judge = (state: number): void => {
    if (state === answerState.complete) finish();
    else if (state === answerState.switched) beginTunnel();
    else if (state === answerState.bad) fail(502, `bad answer of the upstream: ${reader.problem}`);
    else if (state === answerState.unserved) {
      close();
      settle("unreached");
    }
  };
  const beginTunnel = (): void => {
    if (exchange === undefined || exchange.done) return;
    isTunnel = true;
    isSent = false;
    socket.allowHalfOpen = true;
    expect(never);
    observer?.onSwitched?.(exchange);
    exchange.readBody();
  };
  /** Both sides have ended; what is still to be written has a moment for it. */
  const endTunnel = (): void => {
    if (phase === "closed") return;
    phase = "closed";
    socket.destroySoon();
    socket.setTimeout(lingerMs, () => socket.destroy());
    options.onClosed(connection);
    settle("answered");
  };
  const send = (): void => {
    if (exchange === undefined || exchange.done) {
      rest(); // its client left while we connected
      return;
    }
    phase = "busy";
    isAnswering = false;
    source.reset();
    served += 1;
    exchange.owner = owner;
    if (options.proxyProtocol !== undefined) {
      socket.write(encodeProxyHeader(options.proxyProtocol, proxyAddresses(exchange)), "latin1");
    }
    sending = options.protocol.send(socket, exchange, hold);
    const { refusal } = sending;
    if (refusal !== undefined) {
      exchange.fail(refusal.status, refusal.reason);
      rest();
      return;
    }
    isSent = sending.isComplete;
    // While the body is still to come, the next step is the client's, who has deadlines of its own.
    expect(sending.isComplete ? options.firstByteMs() : never);
    if (!sending.isComplete) exchange.readBody();
  };
  /** Of no use any more, before its request has left. A kept one may be so by the server's right. */
  const endUnasked = (): void => {
    const unsent = exchange;
    const asker = observer;
    const wasKept = served > 1;
    if (wasKept) exchange = undefined;
    close();
    if (!wasKept) settle("lost");
    else if (unsent !== undefined && asker !== undefined) options.onUnsent(unsent, asker);
  };
  const onRead = (length: number): boolean => {
    if (arrived !== "") takeIn();
    if (phase !== "busy" || exchange === undefined) {
      // Nothing was asked for.
      close();
      return false;
    }
    since = 0;
    if (held !== "") {
      endUnasked(); // it is no answer
      return false;
    }
    isAnswering = true;
    const { thread, readBuffer } = options;
    if (thread !== undefined && length <= shortBytes && source.readText && awaitsHead(reader)) {
      arrived = readBuffer.toString("latin1", 0, length);
      thread.turnEnd.takeAnswer(connection);
      return true;
    }
    try {
      const { limits, head, chunks } = options;
      judge(source.read(exchange, readBuffer, length, limits, head, chunks));
    } catch (error) {
      failByBug(error);
    }
    if (!reader.blocked || exchange === undefined) return true;
    expect(never); // the client's own deadline runs
    return false;
  };
  const takeIn = (): void => {
    const text = arrived;
    arrived = "";
    if (text === "" || exchange === undefined || source.readText === undefined) return;
    try {
      const { limits, head, chunks } = options;
      judge(source.readText(exchange, text, limits, head, chunks));
    } catch (error) {
      failByBug(error);
    }
    if (!reader.blocked || exchange === undefined) return;
    expect(never);
    socket.pause();
  };
  const onEnd = (clean: boolean): void => {
    if (arrived !== "") takeIn();
    if (phase === "closed") return;
    if (phase !== "busy" || exchange === undefined) {
      const wasConnecting = phase === "connecting";
      close();
      if (wasConnecting) settle("unreached");
      return;
    }
    if (held !== "") {
      endUnasked();
      return;
    }
    if (!isAnswering) {
      close();
      settle("lost");
      return;
    }
    if (isTunnel) {
      if (!clean) {
        fail(502, "the tunnel was cut by the upstream");
        return;
      }
      exchange.end();
      if (exchange.done) endTunnel();
      return;
    }
    judge(source.end(exchange, clean));
  };
  const expire = (): void => {
    if (phase === "connecting") {
      close();
      settle("unreached");
    } else if (phase === "idle") {
      close();
    } else if (!reader.passedOn) {
      close();
      settle("late");
    } else {
      fail(504, "the upstream stopped in its answer");
    }
  };

  const onConnect = (): void => {
    if (phase !== "connecting") return;
    if (exchange?.times !== undefined) exchange.times.connectMs = performance.now() - askedAt;
    send();
  };
  const onDrain = (): void => {
    if (phase !== "busy" || isSent) return;
    expect(never);
    exchange?.resumeBody();
  };
  const failByBug = (error: unknown): void => {
    options.onBug(error);
    fail(502, "the answer could not be passed on");
  };
  /** An exception of ours costs this connection and its request, not the thread. */
  const guard = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      failByBug(error);
    }
  };

  const owner: ExchangeOwner = {
    onAbort() {
      if (held !== "") {
        held = ""; // nothing was said yet: it is as it was
        rest();
        return;
      }
      close();
      settle("answered");
    },
    onDrain() {
      if (!reader.blocked) return;
      reader.blocked = false;
      expect(isTunnel ? never : options.firstByteMs());
      socket.resume();
    },
    onBody(_exchange, piece) {
      if (phase !== "busy" || sending === undefined) return true;
      const hasRoom = isTunnel ? socket.write(piece) : sending.writePiece(socket, piece);
      // A server that reads nothing must not hold us for ever.
      expect(hasRoom || isTunnel ? never : options.firstByteMs());
      return hasRoom;
    },
    onBodyEnd() {
      if (phase !== "busy") return;
      if (isTunnel) {
        socket.end();
        if (exchange?.done === true) endTunnel();
        return;
      }
      sending?.writeEnd(socket);
      isSent = true;
      expect(options.firstByteMs());
    },
  };
  const connection: HttpConnection = {
    phase: () => phase,
    isRecent: () => since === 0,
    start(given, by) {
      exchange = given;
      observer = by;
      if (given.times !== undefined) {
        given.times.connectMs = phase === "idle" ? 0 : -1;
        askedAt = performance.now();
      }
      if (phase === "idle") send();
    },
    check(nowMs) {
      if (since > 0 && nowMs - since < limitMs) return;
      const before = taken;
      taken = bytesTaken(socket);
      // Where it still reads the request its time begins when it has all of it.
      const isReading = phase === "busy" && socket.writableLength > 0 && taken !== before;
      if (since === 0 || isReading) since = nowMs;
      else guard(expire);
    },
    close,
    takeIn,
    writeHeld() {
      if (held === "") return;
      const text = held;
      held = "";
      socket.write(text, "latin1");
    },
    onBug(error) {
      options.onBug(error);
      fail(502, "the request could not be passed on");
    },
  };
  const socket = openSocket(options, onRead);
  options.thread?.quicken(socket);
  socket.on("connect", () => guard(onConnect));
  socket.on("drain", () => guard(onDrain));
  socket.on("end", () => guard(() => onEnd(true)));
  socket.on("error", () => guard(() => onEnd(false)));
  socket.on("close", () => guard(() => onEnd(false)));
  return connection;
}

function openSocket(
  options: HttpConnectionOptions,
  callback: (length: number, buffer: Uint8Array) => boolean,
): Socket {
  const { address } = options;
  const onread = { buffer: options.readBuffer, callback };
  return address.kind === "unix"
    ? connect({ path: address.path, onread })
    : connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true, onread });
}
