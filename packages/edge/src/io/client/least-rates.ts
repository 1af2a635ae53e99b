/**
 * Clients that are slower than anybody honest: how long a body may take to come, and an answer to
 * be read, by their bytes so far. On average, because networks stall: each begins with the time
 * that may pass without a byte, and every byte buys more.
 */
import type { ClientConnection, ClientExchange } from "./client-state.ts";

/** When a body has come too slowly: `performance.now()`; Infinity where no rate is asked for. */
export function bodyRateDeadline(exchange: ClientExchange): number {
  const { limits, timeoutsMs } = exchange.plan;
  const { bodyRate = 0 } = limits;
  if (bodyRate === 0) return Number.POSITIVE_INFINITY;
  const earnedMs = (exchange.bodyReceived / bodyRate) * 1000;
  return exchange.startedAt + exchange.bodyPausedMs + timeoutsMs.body + earnedMs;
}

/**
 * Where output is first seen to be left: what the client reads counts from here.
 *
 * @param taken see `bytesTaken`
 */
export function startReadRate(io: ClientConnection, now: number, taken: number): void {
  io.sendSince = now;
  io.sentBefore = taken;
}

/** Whether the client reads less than it must, since `startReadRate`. */
export function readsTooSlowly(io: ClientConnection, now: number, taken: number): boolean {
  const { limits, timeoutsMs } = io.thread.active.plan;
  const { readRate = 0 } = limits;
  if (readRate === 0) return false;
  const earnedMs = ((taken - io.sentBefore) / readRate) * 1000;
  return now > io.sendSince + timeoutsMs.idle + earnedMs;
}
