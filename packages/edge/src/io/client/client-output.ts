/**
 * What goes out on a client connection: small pieces are joined into one text, so that an answer
 * is one write; large ones follow in the same system call. Keeps the account of what is unsent.
 */

import type { Bytes } from "../exchange.ts";
import type { ClientConnection } from "./client-state.ts";

/** Buffers up to this size are cheaper copied into the text than written apart. */
const joinBytes = 8 * 1024;
/** Text held back until the end of the tick. */
const maxPending = 64 * 1024;
/** Node says `drain` only after it asked for a pause: a bound below its own would wait for ever. */
export const leastBound = 64 * 1024;

/** Adds bytes to what is to be written; they leave at the end of the answer or of the tick. */
export function put(io: ClientConnection, bytes: Bytes): void {
  if (io.closed || bytes.length === 0) return;
  if (typeof bytes === "string") {
    if (io.pending.length + bytes.length > maxPending) flush(io);
    if (bytes.length > maxPending) {
      io.socket.write(bytes, "latin1");
      return;
    }
    io.pending = io.pending === "" ? bytes : io.pending + bytes;
  } else if (bytes.length <= joinBytes) {
    if (io.pending.length + bytes.length > maxPending) flush(io);
    io.pending += bytes.toString("latin1", 0, bytes.length);
  } else {
    putBuffer(io, bytes);
    return;
  }
  if (!io.dirty) markDirty(io);
}

/** Writes what is held back. */
export function flush(io: ClientConnection): void {
  const text = io.pending;
  if (text === "") return;
  io.pending = "";
  if (io.closed) return;
  io.socket.write(text, "latin1");
}

export interface Flusher {
  /** Writes what this connection holds back, once the callback that made it has returned. */
  readonly later: (io: ClientConnection) => void;
  /** Around a callback of a socket: what it held back is written at its end, without a tick. */
  readonly enter: () => void;
  readonly leave: () => void;
}

/** @param onBug told of an exception; it costs the connection */
export function createFlusher(onBug: (io: ClientConnection, error: unknown) => void): Flusher {
  /** Nearly always there is one: it needs no list. */
  let first: ClientConnection | undefined;
  let others: ClientConnection[] = [];
  let scheduled = false;
  let depth = 0;
  const clean = (io: ClientConnection): void => {
    io.dirty = false;
    try {
      flush(io);
    } catch (error) {
      onBug(io, error);
    }
  };
  const run = (): void => {
    const one = first;
    first = undefined;
    scheduled = false;
    if (one !== undefined) clean(one);
    if (others.length === 0) return;
    const batch = others;
    others = [];
    for (const io of batch) clean(io);
  };
  return {
    later(io) {
      if (first === undefined) first = io;
      else others.push(io);
      if (scheduled || depth > 0) return;
      scheduled = true;
      process.nextTick(run);
    },
    enter() {
      depth += 1;
    },
    leave() {
      depth -= 1;
      if (depth === 0 && first !== undefined && !scheduled) run();
    },
  };
}

/** For an answer that is ready as a whole: one write, nothing held back. */
export function putAndFlush(io: ClientConnection, bytes: Bytes): void {
  if (io.closed) return;
  if (io.pending !== "") {
    put(io, bytes);
    flush(io);
  } else if (typeof bytes === "string") io.socket.write(bytes, "latin1");
  else io.socket.write(bytes);
}

/** Bytes given to this connection that the kernel has not taken yet. */
export function unsentBytes(io: ClientConnection): number {
  return io.socket.writableLength + io.pending.length;
}

/** Brings the budget up to date with what is unsent; called after writing and on `drain`. */
export function accountOutput(io: ClientConnection, now: number, stallMs: number): number {
  const unsent = io.closed ? 0 : unsentBytes(io);
  if (unsent !== io.accounted) {
    io.thread.budget.add(unsent - io.accounted);
    io.accounted = unsent;
  }
  if (unsent > 0 && !io.sending) {
    io.sending = true;
    io.unsent = unsent;
    io.sendDeadline = now + stallMs;
  }
  return unsent;
}

function putBuffer(io: ClientConnection, bytes: Buffer): void {
  if (io.pending === "") {
    io.socket.write(bytes);
    return;
  }
  io.socket.cork();
  flush(io);
  io.socket.write(bytes);
  io.socket.uncork();
}

function markDirty(io: ClientConnection): void {
  io.dirty = true;
  io.thread.flusher.later(io);
}
