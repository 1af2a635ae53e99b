/**
 * The HTTP/2 connections of one thread: what each may ask for, when it is idle, and how it drains.
 * Frames, HPACK and flow control are Node's (nghttp2); requests are served as all others.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { performance } from "node:perf_hooks";
import type { TLSSocket } from "node:tls";
import { h2ErrorCodes } from "../../core/h2/error-codes.ts";
import { createFloodGuard, type FloodKind } from "../../core/h2/flood-guard.ts";
import { createFrameGuard } from "../../core/h2/frame-guard.ts";
import { checkDeadlines } from "../client/client-closing.ts";
import { failHead, guard } from "../client/client-connection.ts";
import type { ClientConnection, ClientExchange } from "../client/client-state.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { tapFrames } from "./frame-tap.ts";
import { serveStream } from "./h2-stream.ts";
import { nodeHttp2 } from "./node-http2.ts";
import { resetStream } from "./stream-socket.ts";

const maxStreams = 100;
/** Of one stream; a body is taken as fast as its backend takes it. */
const streamWindow = 128 * 1024;
const connectionWindow = 1024 * 1024;
/** Of answers, what all streams together hand to nghttp2 at once, and each at least. */
const connectionShare = 1024 * 1024;
const streamShare = 16 * 1024;
/** After GOAWAY, for what is still on its way. */
const lingerMs = 2_000;
/** RFC 9113 §6.8: the first GOAWAY of a drain lets requests that are on their way in. */
const lastStreamId = 2 ** 31 - 1;

export interface H2Sessions {
  readonly open: (socket: TLSSocket, facts: ClientConnection["facts"]) => void;
  readonly count: () => number;
  /** Of all streams that are not done. */
  readonly exchanges: () => Iterable<ClientExchange>;
  readonly check: (now: number) => void;
  /** Says that no new requests are wanted; those that come all the same are served. */
  readonly drain: () => void;
  /** No new requests from here on; connections close when theirs are answered. */
  readonly close: () => void;
}

interface Session {
  readonly session: ServerHttp2Session;
  readonly streams: Set<ClientConnection>;
  /** `performance.now()` at which a connection without a request is closed. */
  idleAt: number;
  closing: boolean;
}

/** @param counts connections of each thread, shared */
export function createH2Sessions(thread: ThreadContext, counts: Int32Array): H2Sessions {
  const open = new Set<Session>();

  function start(socket: TLSSocket, facts: ClientConnection["facts"]): void {
    const { limits, timeoutsMs } = thread.active.plan;
    const byId = new Map<number, ServerHttp2Stream>();
    /** Their window is beyond its bound, and they are not served yet. */
    const overflown = new Set<number>();
    const frames = createFrameGuard({
      sentBytes: () => socket.bytesWritten,
      initialWindow: () => session.remoteSettings?.initialWindowSize ?? 0,
      onOverflow(id) {
        const stream = byId.get(id);
        if (stream === undefined) overflown.add(id);
        else resetStream(stream, h2ErrorCodes.flowControlError);
      },
    });
    const tap = tapFrames(socket, (bytes) => {
      const code = frames.inspect(bytes, performance.now());
      if (code !== 0) endSession(one, code);
    });
    const session = nodeHttp2().performServerHandshake(tap, {
      maxHeaderListPairs: limits.headerCount + 8, // one more and the pseudo-fields: then it is a 431
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      maxSettings: 32,
      maxOutstandingPings: 10,
      strictSingleValueFields: false, // an upstream's answer is passed on as it is
      settings: {
        maxConcurrentStreams: maxStreams,
        initialWindowSize: streamWindow,
        maxHeaderListSize: Math.max(limits.headerBytes, 16 * 1024),
        enablePush: false,
      },
    });
    const one: Session = {
      session,
      streams: new Set(),
      idleAt: performance.now() + timeoutsMs.idle,
      closing: false,
    };
    open.add(one);
    Atomics.add(counts, thread.index, 1);
    thread.metrics.connectionOpened();
    const guardAgainst = createFloodGuard();
    const count = (kind: FloodKind): void => {
      if (guardAgainst.count(kind, performance.now())) endSession(one);
    };
    const onClosed = (closed: ClientConnection): void => {
      one.streams.delete(closed);
      one.idleAt = performance.now() + thread.active.plan.timeoutsMs.idle;
    };
    const share = (): number =>
      Math.max(streamShare, Math.floor(connectionShare / (one.streams.size + 1)));
    session.once("connect", () => session.setLocalWindowSize(connectionWindow));
    session.on("error", ignore); // 'close' follows
    session.on("ping", () => count("pings"));
    session.on("remoteSettings", () => count("settings"));
    session.on("stream", (stream, _headers, _flags, list) => {
      const fields = list as unknown as string[];
      const sent = frames.takeFieldCount(stream.id ?? 0);
      const isWhole = sent === undefined || sent === fields.length / 2;
      stream.on("error", ignore); // 'close' follows
      stream.on("aborted", () => {
        if (stream.rstCode !== h2ErrorCodes.noError) count("resets");
      });
      if (stream.destroyed || stream.closed) {
        count("resets");
        return;
      }
      // Of a request that nghttp2 has left fields out of, nobody hears.
      const id = stream.id ?? 0;
      byId.set(id, stream);
      stream.on("close", () => {
        byId.delete(id);
        frames.closed(id);
      });
      if (overflown.delete(id)) {
        stream.close(h2ErrorCodes.flowControlError);
        count("malformed");
        return;
      }
      const io = serveStream(stream, isWhole ? fields : [], thread, facts, onClosed, share);
      if (io === undefined) count("malformed");
      else if (!io.closed) one.streams.add(io);
    });
    session.on("close", () => {
      if (!open.delete(one)) return;
      Atomics.sub(counts, thread.index, 1);
      thread.metrics.connectionClosed();
    });
  }

  function closeSession(one: Session): void {
    if (one.closing) return;
    one.closing = true;
    one.idleAt = performance.now() + lingerMs;
    one.session.close();
  }

  return {
    open: start,
    count: () => open.size,
    *exchanges() {
      for (const { streams } of open) {
        for (const { exchange } of streams) {
          if (exchange !== undefined && !exchange.done) yield exchange;
        }
      }
    },
    check(now) {
      for (const one of open) {
        for (const io of one.streams) {
          if (io.sending || now >= io.deadline) guard(io, () => checkDeadlines(io, now, failHead));
        }
        if (one.streams.size > 0 || now < one.idleAt) continue;
        if (one.closing) one.session.destroy();
        else closeSession(one);
      }
    },
    drain() {
      for (const { session, closing } of open) {
        if (!closing && !session.destroyed) session.goaway(0, lastStreamId);
      }
    },
    close() {
      for (const one of open) closeSession(one);
    },
  };
}

/** Says why with GOAWAY and ends; unless told otherwise for RFC 9113 §10.5, too much of something. */
function endSession(one: Session, code: number = h2ErrorCodes.enhanceYourCalm): void {
  if (one.session.destroyed) return;
  one.closing = true;
  one.session.destroy(new Error("against the protocol"), code);
}

function ignore(): void {}
