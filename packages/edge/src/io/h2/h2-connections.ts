/** The HTTP/2 connections of one thread. */
import type { Socket } from "node:net";
import type { ClientConnection, ClientExchange } from "../client/client-state.ts";
import type { Adopter } from "../thread/adopt-socket.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { createH2Connection, type H2Connection } from "./h2-connection.ts";

export interface H2Connections {
  readonly open: (socket: Socket, facts: ClientConnection["facts"]) => void;
  readonly count: () => number;
  /** Of all streams that are not done. */
  readonly exchanges: () => Iterable<ClientExchange>;
  readonly check: (now: number) => void;
  /** Says that no new requests are wanted; those that come all the same are served. */
  readonly drain: () => void;
  /** No new requests from here on; connections close when theirs are answered. */
  readonly close: () => void;
}

export interface H2ConnectionsOptions {
  readonly thread: ThreadContext;
  readonly adopt: Adopter;
  /** Connections of each thread, shared. */
  readonly counts: Int32Array;
}

export function createH2Connections(options: H2ConnectionsOptions): H2Connections {
  const { thread, adopt, counts } = options;
  const open = new Set<H2Connection>();
  return {
    open(socket, facts) {
      const connection = createH2Connection(socket, thread, facts);
      open.add(connection);
      Atomics.add(counts, thread.index, 1);
      thread.metrics.connectionOpened();
      let isPaused = false;
      socket.on("error", ignore); // 'close' follows
      socket.on("end", () => {
        connection.onClosed();
        socket.end();
      });
      socket.on("drain", () => {
        if (!isPaused) return;
        isPaused = false;
        socket.resume();
      });
      socket.on("close", () => {
        connection.onClosed();
        open.delete(connection);
        Atomics.sub(counts, thread.index, 1);
        thread.metrics.connectionClosed();
      });
      adopt(socket, (bytes, buffer) => {
        isPaused = !connection.receive(buffer, bytes) && socket.writableNeedDrain;
        return !isPaused;
      });
      thread.quicken(socket);
    },
    count: () => open.size,
    *exchanges() {
      for (const connection of open) yield* connection.exchanges();
    },
    check(now) {
      for (const connection of open) connection.check(now);
    },
    drain() {
      for (const connection of open) connection.drain();
    },
    close() {
      for (const connection of open) connection.close();
    },
  };
}

function ignore(): void {}
