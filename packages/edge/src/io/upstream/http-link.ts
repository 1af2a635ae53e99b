/**
 * All connections of this thread to one HTTP server. Idle ones are kept for the next request, the
 * one used last first, so that surplus ones grow old and are closed.
 */
import type { SocketAddress } from "@stack/base";
import { createResponseHead, type HeadLimits } from "@stack/protocols";
import type { Exchange, LinkObserver, ServerLink } from "../exchange.ts";
import { createChunkPool } from "../static/chunk-pool.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { type HttpConnection, openHttpConnection } from "./http-connection.ts";
import { httpProtocol, type ServerProtocol } from "./server-protocol.ts";

export interface HttpLinkOptions {
  readonly address: SocketAddress;
  /** HTTP unless given. */
  readonly protocol?: ServerProtocol;
  /** See `HttpConnectionOptions`; nothing is kept then. */
  readonly proxyProtocol?: 1 | 2 | undefined;
  /** Shared by all connections of the thread; at least 16 KB. */
  readonly readBuffer: Buffer;
  readonly limits: HeadLimits;
  readonly connectMs: number;
  /** Until the head of an answer, and between two pieces of its body. */
  readonly firstByteMs: () => number;
  /** How long a connection is kept for the next request; 0 for not at all. */
  readonly idleMs?: number;
  /** An exception of ours was caught; it cost one connection. */
  readonly onBug: (error: unknown) => void;
  /** See `HttpConnectionOptions`. */
  readonly thread?: Pick<ThreadContext, "turnEnd" | "quicken"> | undefined;
}

export interface HttpLink extends ServerLink {
  /** As `serve`, on a connection that no request was sent on before. */
  readonly serveFresh: (exchange: Exchange, observer: LinkObserver) => void;
  /** As `serve`, but only on a connection that has answered within the last half second. */
  readonly serveRecent: (exchange: Exchange, observer: LinkObserver) => void;
  /** The server may have died: what is kept is not to be used again. */
  readonly closeIdle: () => void;
}

const keptChunks = 2;
/** So many are kept for `idleMs` … */
const lastingIdle = 64;
/** … and for its next requests what a crowd needed at once besides, if it was not more than `mostIdle`. */
const surplusIdleMs = 5_000;
const mostIdle = 1024;
/** A deadline is seen this much late at most. */
const coarsestCheckMs = 500;

export function createHttpLink(options: HttpLinkOptions): HttpLink {
  const { idleMs = 60_000, protocol = httpProtocol } = options;
  const isKept = idleMs > 0 && options.proxyProtocol === undefined;
  const connections = new Set<HttpConnection>();
  const idle: HttpConnection[] = [];
  const head = createResponseHead();
  const chunks = createChunkPool(options.readBuffer.length, keptChunks);
  let retired = false;
  /** The most that were busy at once, of late. */
  let peak = 0;
  let timer: NodeJS.Timeout | undefined;

  const check = (): void => {
    const now = performance.now();
    for (const connection of connections) connection.check(now);
    peak = Math.max(connections.size - idle.length, peak - (peak >> 4));
  };
  const maxIdle = (): number =>
    retired || !isKept ? 0 : Math.min(Math.max(peak, lastingIdle), mostIdle);
  const start = (connection: HttpConnection, exchange: Exchange, observer: LinkObserver): void => {
    connection.start(exchange, observer);
    peak = Math.max(peak, connections.size - idle.length);
  };
  const open = (): HttpConnection => {
    const connection = openHttpConnection({
      ...options,
      protocol,
      idleMs: () => (idle.length < lastingIdle ? idleMs : Math.min(idleMs, surplusIdleMs)),
      head,
      chunks,
      onIdle(free) {
        idle.push(free);
        if (idle.length > maxIdle()) idle.shift()?.close(); // who has rested longest
      },
      onClosed(gone) {
        connections.delete(gone);
        const at = idle.indexOf(gone);
        if (at >= 0) idle.splice(at, 1);
        if (connections.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      },
      onUnsent: (exchange, observer) => start(open(), exchange, observer),
    });
    connections.add(connection);
    const shortest = Math.min(options.connectMs, options.firstByteMs(), idleMs || coarsestCheckMs);
    timer ??= setInterval(check, Math.min(coarsestCheckMs, Math.max(10, shortest / 8))).unref();
    return connection;
  };
  const closeIdle = (): void => {
    for (const connection of idle.splice(0)) connection.close();
  };
  return {
    serve(exchange, observer) {
      start(idle.pop() ?? open(), exchange, observer);
    },
    serveRecent(exchange, observer) {
      const last = idle.at(-1)?.isRecent() === true ? idle.pop() : undefined;
      start(last ?? open(), exchange, observer);
    },
    serveFresh(exchange, observer) {
      start(open(), exchange, observer);
    },
    closeIdle,
    retire() {
      retired = true;
      closeIdle();
    },
  };
}
