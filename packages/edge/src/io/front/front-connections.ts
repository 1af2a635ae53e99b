/** All connections of web servers in front, of one thread: accepting, deadlines, draining. */
import type { Socket } from "node:net";
import { checkDeadlines } from "../client/client-closing.ts";
import { guard } from "../client/client-connection.ts";
import type { ClientConnection } from "../client/client-state.ts";
import type { Adopter } from "../thread/adopt-socket.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import {
  type FrontConnection,
  type FrontProtocol,
  openFrontConnection,
} from "./front-connection.ts";

export interface FrontConnectionsOptions {
  readonly thread: ThreadContext;
  readonly adopt: Adopter;
  /** Connections of each thread, shared. */
  readonly counts: Int32Array;
}

export interface FrontConnections {
  readonly open: (
    protocol: FrontProtocol,
    socket: Socket,
    facts: ClientConnection["facts"],
  ) => void;
  readonly count: () => number;
  readonly check: (now: number) => void;
  readonly closeIdle: () => void;
}

/** A server that speaks something else does so with every request: it is told of now and then. */
const warnEveryMs = 10_000;

export function createFrontConnections(options: FrontConnectionsOptions): FrontConnections {
  const { thread, counts } = options;
  const connections = new Set<FrontConnection>();
  let warnedAt = Number.NEGATIVE_INFINITY;

  function warn(protocol: FrontProtocol, problem: string): void {
    const now = performance.now();
    if (now - warnedAt < warnEveryMs) return;
    warnedAt = now;
    thread.log.warn(`a connection to the ${protocol} listener was closed: ${problem}`);
  }

  return {
    open(protocol, socket, facts) {
      const connection = openFrontConnection({
        protocol,
        socket,
        thread,
        facts,
        onProblem: (problem) => warn(protocol, problem),
        onClosed() {
          if (!connections.delete(connection)) return;
          Atomics.sub(counts, thread.index, 1);
          thread.metrics.connectionClosed();
        },
      });
      connections.add(connection);
      Atomics.add(counts, thread.index, 1);
      thread.metrics.connectionOpened();
      options.adopt(socket, connection.onRead);
    },
    count: () => connections.size,
    check(now) {
      for (const connection of connections) {
        const io = connection.io();
        if (io !== undefined) {
          if (io.sending || now >= io.deadline) guard(io, () => checkDeadlines(io, now, ignore));
        } else if (now >= connection.deadline()) connection.expire(now);
      }
    },
    closeIdle() {
      for (const connection of connections) connection.closeIfIdle();
    },
  };
}

function ignore(): void {}
