/**
 * The requests of one app on one thread: gives each to a free worker, or lets it wait its turn in
 * the queue all threads share (design D2, D3), with a bound and a deadline. Also decides what
 * becomes of a request whose worker died: replayed once where that is safe, else an honest 502.
 */
import { performance } from "node:perf_hooks";
import type { EdgeAppPlan } from "@stack/config";
import {
  clearWake,
  countWaiting,
  enterQueue,
  leaveQueue,
  markWake,
  nextSequence,
  nextThread,
  oldestThread,
  publishHead,
  takeFrontTicket,
  takeTicket,
  waitsLonger,
} from "../../core/scheduling/app-queue.ts";
import { isReplayable, isSentAhead } from "../../core/scheduling/replay.ts";
import {
  claimSlot,
  countFailed,
  countServed,
  hasFreeSlot,
  readState,
  workerState,
} from "../../core/scheduling/worker-slots.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend, Exchange, ExchangeOwner, LinkOutcome } from "../exchange.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import type { AppCall, CallObserver, WorkerHandle } from "./app-call.ts";
import { createCallList } from "./call-list.ts";
import { chooseAhead, chooseWorker, hasFreeWorker } from "./choose-worker.ts";
import { tellLost } from "./tell-lost.ts";

const lostAndReplayed = "its connection ended; tried once more";
const lostFor502 = "its connection ended; answered with 502";

export interface AppScheduler extends Backend, CallObserver {
  readonly name: string;
  /** From the newest plan. */
  settings: EdgeAppPlan;
  /** Of the worker that came last; "" before there is one. */
  release: string;
  /** It is stopped, or has no worker that takes requests. */
  readonly isDown: () => boolean;
  readonly addWorker: (worker: WorkerHandle) => void;
  readonly removeWorker: (worker: WorkerHandle) => void;
  /** Another thread has freed a slot for us, or (`passed`) cannot use the one that is free. */
  readonly onWake: (passed: boolean) => void;
  /** Deadlines of those that wait. */
  readonly check: (now: number) => void;
  /** Those that wait here wait there, as nobody will serve them here any more; undefined: here again. */
  readonly succeedBy: (successor: Backend | undefined) => void;
}

export interface SchedulerOptions {
  readonly name: string;
  readonly thread: ThreadContext;
  readonly queue: Int32Array;
  readonly metricsSlot: number;
  readonly settings: EdgeAppPlan;
  /** Sends a wake to another thread. */
  readonly wake: (thread: number, passed: boolean) => void;
  /** A slot of a worker that takes no more was released. */
  readonly onIdle: (worker: WorkerHandle) => void;
  readonly onStuck: (worker: WorkerHandle, exchange: Exchange) => void;
  readonly onClosed: (worker: WorkerHandle) => void;
}

/** A thread takes its own request first while another's waits at most this much longer. */
const ownFirstMs = 2;
const retryAfterS = 1;

export function createAppScheduler(options: SchedulerOptions): AppScheduler {
  const { thread, queue } = options;
  const self = thread.index;
  const whyStopped = `${options.name} is stopped`;
  const workers: WorkerHandle[] = [];
  let successor: Backend | undefined;
  let turns = 0;
  const waiting = createCallList((head) => {
    publishHead(
      queue,
      self,
      head?.ticket ?? 0,
      head === undefined ? 0 : sharedMs(thread.timeOrigin + head.since),
    );
  });
  const waitingOwner: ExchangeOwner = {
    isQueue: true,
    onAbort(exchange: Exchange): void {
      const call = waiting.find(exchange);
      if (call === undefined) return;
      leave(call);
      countEnded(call); // it may have been with a worker before
    },
    onDrain: () => {},
    onBody: () => false,
    onBodyEnd: () => {},
  };

  const scheduler: AppScheduler = {
    name: options.name,
    settings: options.settings,
    release: "",
    wantsBody: true,
    handle(exchange) {
      (exchange as ClientExchange).app = options.name;
      const call: AppCall = {
        exchange,
        attempts: 0,
        counted: false,
        ticket: 0,
        turn: 0,
        since: 0,
        previous: undefined,
        next: undefined,
      };
      if (countWaiting(queue) === 0 && tryStart(call)) return;
      enter(call);
    },
    retire: () => {}, // lives as long as its workers; plans only change its settings
    isDown: () =>
      scheduler.settings.stopped === true ||
      !workers.some(({ slots }) => readState(slots) === workerState.open),
    addWorker: (worker) => {
      worker.recent = workers.length === 0 ? 0 : Math.min(...workers.map(({ recent }) => recent));
      workers.push(worker);
    },
    removeWorker: (worker) => {
      const at = workers.indexOf(worker);
      if (at >= 0) workers.splice(at, 1);
    },
    onWake(passed) {
      clearWake(queue, self);
      pump(passed);
    },
    check(now) {
      for (const worker of workers) {
        worker.check(now);
        worker.recent >>= 1;
      }
      const { queueTimeoutMs, stopped = false } = scheduler.settings;
      waiting.forEach((call) => {
        const isLate = now - call.since >= queueTimeoutMs;
        if (!stopped && !isLate && call.exchange.hasStandIn?.() !== true) return;
        leave(call);
        const reason = stopped ? whyStopped : "no worker became free in time";
        call.exchange.fail(503, reason, retryAfterS);
        countEnded(call);
      });
      if (waiting.first() !== undefined) pump(false); // a net below the wakes
    },
    succeedBy(other) {
      successor = other;
      waiting.forEach((call) => {
        leave(call);
        passToSuccessor(call);
      });
    },
    onCallSettled(call, worker, outcome) {
      call.attempts += 1;
      settle(call, worker, outcome);
    },
    onWorkerFree(worker) {
      if (readState(worker.slots) !== workerState.open) options.onIdle(worker);
      pump(false);
    },
    onCallReturned: reenter,
    onWorkerClosed: options.onClosed,
  };

  function enter(call: AppCall): void {
    if (passToSuccessor(call)) return;
    const exchange = call.exchange as ClientExchange;
    if (scheduler.settings.stopped === true) {
      exchange.fail(503, whyStopped, retryAfterS);
      return;
    }
    if (!enterQueue(queue, self, scheduler.settings.queueLimit)) {
      exchange.fail(503, "too many requests are waiting", retryAfterS);
      return;
    }
    call.ticket = takeTicket(queue);
    call.since = performance.now();
    exchange.owner = waitingOwner;
    waiting.append(call);
    pump(false);
  }

  /** It had its turn: before all that had theirs later or none, and whatever the bound. */
  function reenter(call: AppCall): void {
    if (passToSuccessor(call)) return;
    enterQueue(queue, self, Number.POSITIVE_INFINITY);
    call.ticket = takeFrontTicket(queue);
    call.since = performance.now();
    call.exchange.owner = waitingOwner;
    waiting.putBack(call);
    pump(false);
  }

  function passToSuccessor(call: AppCall): boolean {
    if (successor === undefined) return false;
    countEnded(call);
    call.exchange.owner = undefined;
    successor.handle(call.exchange);
    return true;
  }

  function leave(call: AppCall): void {
    waiting.remove(call);
    leaveQueue(queue, self);
    const exchange = call.exchange as ClientExchange;
    const now = performance.now();
    exchange.queueMs += now - call.since;
    thread.metrics.appWaited(options.metricsSlot, now - call.since, thread.timeOrigin + now);
  }

  /** Starts what waits here, in turn with the other threads. @param passed out of turn, once */
  function pump(passed: boolean): void {
    let outOfTurn = passed;
    let misses = 0;
    while (misses <= workers.length) {
      const call = waiting.first();
      if (!hasFreeWorker(workers)) {
        sendAhead();
        return;
      }
      if (call === undefined) {
        wakeOldest();
        return;
      }
      if (!outOfTurn) {
        const oldest = oldestThread(queue);
        if (oldest >= 0 && oldest !== self && waitsLonger(queue, oldest, self) > ownFirstMs) {
          wakeOldest();
          return;
        }
      }
      const ticket = call.ticket;
      const worker = chooseWorker(workers, call);
      const slot = worker === undefined ? -1 : claimSlot(worker.slots, self, nextSequence(queue));
      if (worker === undefined) {
        prepareMore();
        passOn(ticket);
        return;
      }
      if (slot < 0) {
        misses += 1; // another thread was faster: look again
        continue;
      }
      leave(call);
      start(call, worker, slot);
      outOfTurn = false;
    }
  }

  /**
   * All are busy and many wait: the next go to workers that are about to be free, which then need not
   * sleep until they are asked. Only what may be sent twice, and only while whoever else comes
   * free finds a request here too.
   */
  function sendAhead(): void {
    while (countWaiting(queue) > workers.length) {
      const call = waiting.first();
      if (call === undefined || !isSentAhead(call.exchange, call.attempts)) return;
      const oldest = oldestThread(queue);
      if (oldest !== self && waitsLonger(queue, oldest, self) > ownFirstMs) return;
      const worker = chooseAhead(workers);
      if (worker === undefined) return;
      leave(call);
      takeTurn(call, worker);
      worker.startAhead(call);
    }
  }

  function tryStart(call: AppCall): boolean {
    for (let attempt = 0; attempt <= workers.length; attempt += 1) {
      const worker = chooseWorker(workers, call);
      if (worker === undefined) return false;
      const slot = claimSlot(worker.slots, self, nextSequence(queue));
      if (slot < 0) continue;
      start(call, worker, slot);
      return true;
    }
    return false;
  }

  function start(call: AppCall, worker: WorkerHandle, slot: number): void {
    takeTurn(call, worker);
    worker.start(call, slot);
  }

  function takeTurn(call: AppCall, worker: WorkerHandle): void {
    turns += 1;
    call.turn = turns;
    worker.recent += 1;
    if (call.counted) return;
    call.counted = true;
    thread.metrics.appStarted(options.metricsSlot);
  }

  /** A slot is free that this thread has no connection for: open one, for the next time. */
  function prepareMore(): void {
    for (const worker of workers) {
      if (hasFreeSlot(worker.slots) && readState(worker.slots) === workerState.open) {
        worker.prepare();
      }
    }
  }

  function wakeOldest(): void {
    const oldest = oldestThread(queue);
    if (oldest >= 0 && oldest !== self && markWake(queue, oldest)) options.wake(oldest, false);
  }

  /** What is free cannot be used here: whoever is next in the queue may try. */
  function passOn(ticket: number): void {
    const next = nextThread(queue, ticket);
    if (next >= 0 && next !== self) options.wake(next, true);
  }

  function settle(call: AppCall, worker: WorkerHandle, outcome: LinkOutcome): void {
    const exchange = call.exchange;
    switch (outcome) {
      case "answered":
        countServed(worker.slots);
        if ((exchange as ClientExchange).status === 500) countFailed(worker.slots);
        break;
      case "late":
        options.onStuck(worker, exchange);
        exchange.fail(504, "the application took too long");
        break;
      case "unreached":
      case "lost":
        if (isReplayable(exchange, outcome, call.attempts)) {
          if (outcome === "lost") tellLost(thread.log, worker.id, exchange, lostAndReplayed);
          reenter(call);
          return;
        }
        if (outcome === "lost") tellLost(thread.log, worker.id, exchange, lostFor502);
        exchange.fail(502, "the application ended before it answered");
        break;
      default:
    }
    countEnded(call);
  }

  function countEnded(call: AppCall): void {
    if (!call.counted) return;
    call.counted = false;
    const exchange = call.exchange as ClientExchange;
    // It is done, unless the rest of its answer is read from disk.
    const now = exchange.done ? exchange.io.lastDone : performance.now();
    // How long a tunnel was open is no latency.
    const took = (exchange.switchedAt > 0 ? exchange.switchedAt : now) - exchange.startedAt;
    thread.metrics.appEnded(options.metricsSlot, exchange.status, took, thread.timeOrigin + now);
  }

  return scheduler;
}

/** A clock all threads share, as 32 bits: only differences count. */
function sharedMs(unixMs: number): number {
  return unixMs | 0;
}
