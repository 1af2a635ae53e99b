/**
 * Requests that wait because every server of an upstream has as many as it may: the same order over
 * all threads, bound and deadline as for apps (`core/scheduling/app-queue.ts`).
 */
import { performance } from "node:perf_hooks";
import {
  clearWake,
  countWaiting,
  enterQueue,
  leaveQueue,
  markWake,
  oldestThread,
  publishHead,
  takeFrontTicket,
  takeTicket,
  waitsLonger,
} from "../../core/scheduling/app-queue.ts";
import type { AppCall } from "../app/app-call.ts";
import { createCallList } from "../app/call-list.ts";
import type { Exchange, ExchangeOwner } from "../exchange.ts";

export interface ServerQueueOptions {
  readonly queue: Int32Array;
  /** This thread. */
  readonly self: number;
  readonly timeOrigin: number;
  readonly limit: () => number;
  readonly timeoutMs: () => number;
  readonly hasRoom: () => boolean;
  /** Sends it if a server has room; false when none had. */
  readonly start: (exchange: Exchange) => boolean;
  readonly wake: (thread: number) => void;
  /** How long a request waited, for the access log. */
  readonly onWaited: (exchange: Exchange, ms: number) => void;
}

export interface ServerQueue {
  /** Somebody waits, here or on another thread: nobody else may go first. */
  readonly isBusy: () => boolean;
  readonly enter: (exchange: Exchange) => void;
  /** For one that had its turn: before all others, whatever the bound. */
  readonly reenter: (exchange: Exchange) => void;
  /** Starts what waits, in turn with the other threads; whenever room may have come. */
  readonly pump: () => void;
  readonly onWake: () => void;
  /** Deadlines, and a net below the wakes. */
  readonly check: (now: number) => void;
  /** Nobody will be served any more: whoever waits is told. */
  readonly close: () => void;
}

/** A thread takes its own request first while another's waits at most this much longer. */
const ownFirstMs = 2;
const retryAfterS = 1;

export function createServerQueue(options: ServerQueueOptions): ServerQueue {
  const { queue, self } = options;
  const waiting = createCallList((head) => {
    const since = head === undefined ? 0 : (options.timeOrigin + head.since) | 0;
    publishHead(queue, self, head?.ticket ?? 0, since);
  });
  const waitingOwner: ExchangeOwner = {
    isQueue: true,
    onAbort(exchange: Exchange): void {
      const call = waiting.find(exchange);
      if (call !== undefined) leave(call);
    },
    onDrain: () => {},
    onBody: () => false,
    onBodyEnd: () => {},
  };

  function wait(exchange: Exchange, ticket: number): AppCall {
    exchange.owner = waitingOwner;
    return {
      exchange,
      attempts: 0,
      counted: false,
      ticket,
      turn: 0,
      since: performance.now(),
      previous: undefined,
      next: undefined,
    };
  }

  function leave(call: AppCall): void {
    waiting.remove(call);
    leaveQueue(queue, self);
    options.onWaited(call.exchange, performance.now() - call.since);
  }

  function wakeOldest(): void {
    const oldest = oldestThread(queue);
    if (oldest >= 0 && oldest !== self && markWake(queue, oldest)) options.wake(oldest);
  }

  function pump(): void {
    while (countWaiting(queue) > 0 && options.hasRoom()) {
      const call = waiting.first();
      const oldest = oldestThread(queue);
      const isOthers = oldest >= 0 && oldest !== self;
      if (call === undefined || (isOthers && waitsLonger(queue, oldest, self) > ownFirstMs)) {
        wakeOldest();
        return;
      }
      leave(call);
      call.exchange.owner = undefined;
      if (options.start(call.exchange)) continue;
      reenter(call.exchange); // another thread was faster
      return;
    }
  }

  function reenter(exchange: Exchange): void {
    enterQueue(queue, self, Number.POSITIVE_INFINITY);
    waiting.putBack(wait(exchange, takeFrontTicket(queue)));
  }

  return {
    isBusy: () => countWaiting(queue) > 0,
    enter(exchange) {
      if (!enterQueue(queue, self, options.limit())) {
        exchange.fail(503, "too many requests are waiting", retryAfterS);
        return;
      }
      waiting.append(wait(exchange, takeTicket(queue)));
      pump();
    },
    reenter(exchange) {
      reenter(exchange);
      pump();
    },
    pump,
    onWake() {
      clearWake(queue, self);
      pump();
    },
    check(now) {
      waiting.forEach((call) => {
        if (now - call.since < options.timeoutMs()) return;
        leave(call);
        call.exchange.fail(503, "no server became free in time", retryAfterS);
      });
      if (waiting.first() !== undefined) pump();
    },
    close() {
      waiting.forEach((call) => {
        leave(call);
        call.exchange.fail(503, "the upstream is not served any more", retryAfterS);
      });
    },
  };
}
