/** One request to an app: where it stands in the queue, and what became of it so far. */
import type { GoneAnswer } from "@stack/control";
import type { Exchange } from "../exchange.ts";

export interface AppCall {
  readonly exchange: Exchange;
  /** Workers that had it. */
  attempts: number;
  /** It was counted as begun. */
  counted: boolean;
  /** Its place among those that wait; 0 when it does not. */
  ticket: number;
  /** When it was last given to a worker, in the order of the thread; 0: it was not. */
  turn: number;
  /** When it began to wait: `performance.now()`. */
  since: number;
  previous: AppCall | undefined;
  next: AppCall | undefined;
}

/** What a worker's connection does with a call is told to the app's scheduler. */
export interface CallObserver {
  /** See `LinkOutcome`. The slot is not free yet. */
  onCallSettled(
    call: AppCall,
    worker: WorkerHandle,
    outcome: "answered" | "unreached" | "lost" | "late",
  ): void;
  /** It can take a request now, or a slot of it came free. */
  onWorkerFree(worker: WorkerHandle): void;
  /** It was sent ahead, and the worker did not come to it: it waits again. */
  onCallReturned(call: AppCall): void;
  /** The last connection has closed and no other will be opened. */
  onWorkerClosed(worker: WorkerHandle): void;
}

/** A worker as one thread sees it. */
export interface WorkerHandle {
  /** Of the main thread's table: one worker of one arbiter, never used again. */
  readonly serial: number;
  readonly id: string;
  readonly slots: Int32Array;
  /** The scheduler's: what it sent it of late, halved again and again. */
  recent: number;
  /** Whether this call could be sent now, had it a slot. */
  readonly isReady: (call: AppCall) => boolean;
  /** A slot is free and this thread has no connection for it: open another. */
  readonly prepare: () => void;
  /** Sends it; the slot is released when the worker says it is ready again. */
  readonly start: (call: AppCall, slot: number) => void;
  /** This thread's request is with it and will not take long: how many of the next could be sent already. */
  readonly roomAhead: () => number;
  /** It answers quickly, as far as is known by now: it will come to what it has. */
  readonly isQuick: () => boolean;
  /** Sends it behind the one that runs; it is returned when what is before it takes long. */
  readonly startAhead: (call: AppCall) => void;
  /** Nothing new comes: close what is idle now and the rest when it is. */
  readonly retire: () => void;
  /** It is dead: what it had is lost, or gets this answer. */
  readonly drop: (answer?: GoneAnswer) => void;
  /** What it said before may not be true any more: ask anew. */
  readonly distrust: () => void;
  /** Every 100 ms or so. */
  readonly check: (now: number) => void;
}
