/**
 * One worker slot of a generation: there is a worker in it, or one is due. A worker that is being
 * replaced has left its slot and drains beside its successor.
 */
import type { InstanceWorker } from "@stack/control";
import { decideRestart, noFailures, type RestartHistory } from "../core/restart.ts";
import type { SlotLedger } from "./slot-ledger.ts";
import type { Worker, WorkerOutcome } from "./worker.ts";

export interface SlotOptions {
  readonly number: number;
  readonly id: string;
  readonly ledger: SlotLedger;
  /** Starts a worker that reports its end to `onEnded`. */
  readonly launch: (slot: Slot) => Worker;
  readonly onCrashLoop: (
    slot: Slot,
    failures: number,
    withinMs: number,
    last: WorkerOutcome,
  ) => void;
  readonly changed: () => void;
}

export interface Slot {
  readonly number: number;
  readonly id: string;
  readonly worker: () => Worker | undefined;
  readonly crashing: () => boolean;
  readonly fill: () => void;
  /** Takes the worker out, for the caller to drain, and starts another. */
  readonly replace: () => Worker | undefined;
  /** Puts this one in place of what is there, which is for the caller to drain. */
  readonly adopt: (successor: Worker) => Worker | undefined;
  /** Takes the worker out and starts none. */
  readonly empty: () => Worker | undefined;
  readonly onEnded: (worker: Worker, outcome: WorkerOutcome) => void;
  /** Forgets the waiting, not the history: an operator wants it tried now. */
  readonly retryNow: () => void;
  readonly view: () => InstanceWorker | undefined;
}

export function createSlot(options: SlotOptions): Slot {
  const { number, id, ledger } = options;
  let worker: Worker | undefined;
  let last: InstanceWorker | undefined;
  let history: RestartHistory = noFailures;
  let crashing = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  function fill(): void {
    clearTimeout(timer);
    timer = undefined;
    if (closed || worker !== undefined) return;
    worker = options.launch(slot);
    options.changed();
  }

  function view(): InstanceWorker | undefined {
    const facts = ledger.of(number);
    if (worker !== undefined) return { ...worker.view(), ...facts };
    if (closed || last === undefined) return undefined;
    return { ...last, ...facts, pid: null, state: crashing ? "crashed" : "booting" };
  }

  const slot: Slot = {
    number,
    id,
    worker: () => worker,
    crashing: () => crashing,
    fill,
    replace() {
      const leaving = worker;
      worker = undefined;
      fill();
      return leaving;
    },
    adopt(successor) {
      clearTimeout(timer);
      timer = undefined;
      const leaving = worker;
      worker = successor;
      return leaving;
    },
    empty() {
      closed = true;
      clearTimeout(timer);
      const leaving = worker;
      worker = undefined;
      return leaving;
    },
    onEnded(ended, outcome) {
      if (ended !== worker) return;
      last = view();
      worker = undefined;
      const atMs = performance.now();
      const decision = decideRestart(history, { atMs, ...outcome }, Math.random());
      history = decision.history;
      crashing = decision.crashLoop;
      if (crashing) {
        options.onCrashLoop(slot, history.failures, atMs - history.firstAtMs, outcome);
      }
      if (!closed) timer = setTimeout(fill, decision.delayMs);
      options.changed();
    },
    retryNow() {
      if (timer !== undefined) fill();
    },
    view,
  };
  return slot;
}
