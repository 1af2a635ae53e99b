/**
 * `bandwidth`: an answer that is not to go out faster than so many bytes per second. What answers is
 * told to wait after each piece until the time of that piece is over; pieces are 64 KB at most, so
 * that is how far an answer is ever ahead.
 */
import { performance } from "node:perf_hooks";
import { flush } from "./client-output.ts";
import type { ClientExchange } from "./client-state.ts";

/** Shorter waits are not worth a timer. */
const shortestWaitMs = 5;

/** False: write no more until `onDrain`, which comes when the answer is due to go on. */
export function keepsPace(exchange: ClientExchange): boolean {
  const dueMs = (exchange.answerBytes / exchange.bytesPerSecond) * 1000;
  const waitMs = exchange.startedAt + dueMs - performance.now();
  if (waitMs < shortestWaitMs) return true;
  flush(exchange.io);
  if (exchange.paced) return false; // the timer of an earlier piece will say when
  exchange.paced = true;
  setTimeout(goOn, waitMs, exchange);
  return false;
}

function goOn(exchange: ClientExchange): void {
  exchange.paced = false;
  if (exchange.done) return;
  const io = exchange.io;
  if (io.socket.writableNeedDrain) {
    exchange.blocked = true; // the client itself is slower: its socket says when
    return;
  }
  try {
    exchange.owner?.onDrain(exchange);
  } catch (error) {
    io.thread.log.error(`a connection failed: ${error instanceof Error ? error.stack : error}`);
    io.socket.destroy();
  }
}
