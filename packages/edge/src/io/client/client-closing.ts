/**
 * How client connections end: lingering close, so that a client that is still sending sees our last
 * answer instead of a reset (RFC 9112 §9.6); deadlines; clients that stop reading.
 */
import { performance } from "node:perf_hooks";
import { bytesTaken } from "../thread/node-streams.ts";
import { failByClient, resumeReading } from "./client-body.ts";
import { accountOutput, flush, unsentBytes } from "./client-output.ts";
import { type ClientConnection, waitFor } from "./client-state.ts";
import { readsTooSlowly, startReadRate } from "./least-rates.ts";

/** How long the other side has to close after our last byte left; again with whatever it sends … */
const lingerMs = 2_000;
/** … up to this long. */
const longestLingerMs = 15_000;

/** Sends our FIN after what is written; drops what still comes, until the client closes too. */
export function startClosing(io: ClientConnection): void {
  if (io.closing || io.closed) return;
  io.closing = true;
  io.text = "";
  io.offset = 0;
  flush(io);
  io.waiting = waitFor.close;
  io.lastDone = performance.now();
  io.deadline = io.lastDone + lingerMs;
  io.socket.end();
  resumeReading(io);
}

/** It is still sending what nobody wants: it may need a while to see our answer. */
export function prolongClosing(io: ClientConnection): void {
  const now = performance.now();
  if (io.waiting === waitFor.close && now - io.lastDone < longestLingerMs) {
    io.deadline = now + lingerMs;
  }
}

/** What the tick does for one connection. */
export function checkDeadlines(
  io: ClientConnection,
  now: number,
  onHeadTimeout: (io: ClientConnection) => void,
): void {
  if (io.sending) watchOutput(io, now);
  if (now < io.deadline || io.closed) return;
  io.deadline = Number.POSITIVE_INFINITY;
  switch (io.waiting) {
    case waitFor.request:
      // It is not idle while it reads its last answer; that it reads is watched above.
      if (unsentBytes(io) > 0) io.deadline = now + io.thread.active.plan.timeoutsMs.idle;
      else startClosing(io);
      return;
    case waitFor.head:
      onHeadTimeout(io);
      return;
    case waitFor.body:
      if (io.exchange !== undefined) failByClient(io.exchange, 408, "the body came too slowly");
      return;
    case waitFor.tunnel:
      if (unsentBytes(io) > 0) io.deadline = now + lingerMs;
      else if (io.exchange !== undefined) failByClient(io.exchange, 408, "the tunnel was idle");
      return;
    case waitFor.close:
      if (unsentBytes(io) === 0) io.socket.destroy();
      else io.deadline = now + lingerMs;
      return;
    default:
  }
}

/** A client that reads nothing for as long as an idle one may stay is cut off. */
function watchOutput(io: ClientConnection, now: number): void {
  if (accountOutput(io) === 0) {
    io.sending = false;
    io.sendSince = 0;
    return;
  }
  const taken = bytesTaken(io.socket);
  if (io.sendSince === 0) startReadRate(io, now, taken);
  else if (readsTooSlowly(io, now, taken)) {
    io.socket.destroy();
    return;
  }
  if (taken !== io.taken) {
    io.taken = taken;
    io.sendDeadline = now + io.thread.active.plan.timeoutsMs.idle;
  } else if (now >= io.sendDeadline) {
    io.socket.destroy();
  }
}
