/**
 * What goes out on a client connection: small pieces are joined into one text and held back until the
 * end of the event loop's turn, so that an answer is one write; large ones follow in the same system
 * call. Keeps the account of what is unsent.
 */
import { performance } from "node:perf_hooks";
import type { Bytes } from "../exchange.ts";
import type { ClientConnection } from "./client-state.ts";

/** Buffers up to this size are cheaper copied into the text than written apart. */
const joinBytes = 8 * 1024;
/** Text held back until the end of the turn. */
const maxPending = 64 * 1024;
/** Node says `drain` only after it asked for a pause: a bound below its own would wait for ever. */
export const leastBound = 64 * 1024;

/** Adds bytes to what is to be written; they leave at the end of the turn. */
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
  const { pending, whole } = io;
  if (whole === undefined) {
    if (pending === "") return;
    io.pending = "";
    if (!io.closed) io.socket.write(pending, "latin1");
    return;
  }
  io.whole = undefined;
  io.pending = "";
  if (io.closed) return;
  if (pending !== "") io.socket.cork();
  io.socket.write(whole);
  if (pending === "") return;
  io.socket.write(pending, "latin1");
  io.socket.uncork();
}

/** The end of the turn, for this connection. */
export function writeHeld(this: ClientConnection): void {
  this.dirty = false;
  flush(this);
  if (!this.closed) accountOutput(this);
}

/** For an answer that is ready as a whole: as it is, when nothing stands before it. */
export function putWhole(io: ClientConnection, bytes: Bytes): void {
  if (io.closed) return;
  if (typeof bytes === "string" || io.pending !== "" || io.whole !== undefined) {
    put(io, bytes);
    return;
  }
  io.whole = bytes;
  if (!io.dirty) markDirty(io);
}

/** Bytes given to this connection that the kernel has not taken yet. */
export function unsentBytes(io: ClientConnection): number {
  return io.socket.writableLength + io.pending.length + (io.whole?.length ?? 0);
}

/** Brings the budget up to date with what is unsent; called after writing and on `drain`. */
export function accountOutput(io: ClientConnection): number {
  const unsent = io.closed ? 0 : unsentBytes(io);
  if (unsent !== io.accounted) {
    io.thread.budget.add(unsent - io.accounted);
    io.accounted = unsent;
  }
  if (unsent > 0 && !io.sending) {
    io.sending = true;
    io.sendDeadline = performance.now() + io.thread.active.plan.timeoutsMs.idle;
  }
  return unsent;
}

function putBuffer(io: ClientConnection, bytes: Buffer): void {
  if (io.pending === "" && io.whole === undefined) {
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
  io.thread.turnEnd.answer(io);
}
