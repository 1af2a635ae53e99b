/** All client connections of one thread: accepting, the cap over all threads, deadlines, draining. */

import type { Socket } from "node:net";
import { contentLengthLine } from "@stack/protocols";
import type { Adopter } from "../thread/adopt-socket.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { failByClient } from "./client-body.ts";
import { checkDeadlines } from "./client-closing.ts";
import {
  closeIfIdle,
  failHead,
  guard,
  openClientConnection,
  readerOf,
} from "./client-connection.ts";
import { returnHead } from "./client-requests.ts";
import { type ClientConnection, type ClientExchange, waitFor } from "./client-state.ts";

export interface ClientListOptions {
  readonly thread: ThreadContext;
  readonly adopt: Adopter;
  /** Connections of each thread, shared. */
  readonly counts: Int32Array;
}

export interface ClientList {
  readonly admits: () => boolean;
  readonly accept: (socket: Socket, facts: ClientConnection["facts"]) => void;
  readonly turnAwayAnswer: () => string;
  readonly count: () => number;
  /** All that are not done. */
  readonly exchanges: () => Iterable<ClientExchange>;
  readonly check: (now: number) => void;
  readonly closeIdle: () => void;
  /** Nothing else ends them: a drain has a deadline. */
  readonly endTunnels: () => void;
}

/** After this long without a request a connection is idle, and holds as little as it can. */
const keepHeadMs = 1_000;

export function createClientList(options: ClientListOptions): ClientList {
  const { thread, counts } = options;
  const connections: ClientConnection[] = [];

  const onClosed = (io: ClientConnection): void => {
    const last = connections.pop();
    if (last !== undefined && last !== io) {
      connections[io.index] = last;
      last.index = io.index;
    }
    Atomics.sub(counts, thread.index, 1);
    thread.metrics.connectionClosed();
  };

  return {
    admits() {
      let total = 0;
      for (let index = 0; index < counts.length; index += 1) total += Atomics.load(counts, index);
      return total < thread.active.plan.limits.connections;
    },
    accept(socket, facts) {
      const io = openClientConnection(socket, thread, facts, onClosed);
      io.index = connections.push(io) - 1;
      Atomics.add(counts, thread.index, 1); // others count theirs here as well
      thread.metrics.connectionOpened();
      options.adopt(socket, readerOf(io));
      thread.quicken(socket);
    },
    turnAwayAnswer() {
      const page = thread.errorPages.page(503, "too many connections", false, 1);
      return `HTTP/1.1 503 ${page.phrase}\r\n${page.fields}${thread.dateLine}${contentLengthLine(page.body.length)}Connection: close\r\n\r\n${page.body}`;
    },
    count: () => connections.length,
    *exchanges() {
      for (const { exchange } of connections) {
        if (exchange !== undefined && !exchange.done) yield exchange;
      }
    },
    check(now) {
      // Backwards: one that closes is replaced by the last.
      for (let index = connections.length - 1; index >= 0; index -= 1) {
        const io = connections[index];
        if (io === undefined) continue;
        if (io.sending || now >= io.deadline) guard(io, () => checkDeadlines(io, now, failHead));
        if (io.head !== undefined && now - io.lastDone > keepHeadMs) returnHead(io);
      }
    },
    closeIdle() {
      for (let index = connections.length - 1; index >= 0; index -= 1) {
        const io = connections[index];
        if (io !== undefined) guard(io, closeIfIdle);
      }
    },
    endTunnels() {
      for (let index = connections.length - 1; index >= 0; index -= 1) {
        const io = connections[index];
        if (io !== undefined && io.waiting === waitFor.tunnel) guard(io, cutTunnel);
      }
    },
  };
}

function cutTunnel(io: ClientConnection): void {
  if (io.exchange !== undefined) failByClient(io.exchange, 503, "the edge is stopping");
}
