/**
 * What the main thread knows of apps and workers: who registered them, their slots, and whether
 * they drain. Pure bookkeeping over shared memory; `io/main/edge-main.ts` sends what follows from it.
 */
import type { WorkerRecord } from "@stack/control";
import { assignAppSlots } from "../measuring/metrics.ts";
import type { SharedApp } from "../thread-messages.ts";
import { createAppQueue, forgetThread } from "./app-queue.ts";
import {
  countInFlight,
  countTunnels,
  createWorkerSlots,
  readState,
  sweepSlots,
  workerState,
  writeState,
} from "./worker-slots.ts";

export interface KnownWorker {
  readonly serial: number;
  readonly app: SharedApp;
  readonly record: WorkerRecord;
  readonly memory: SharedArrayBuffer;
  readonly slots: Int32Array;
  /** Who registered it; anything that compares. */
  readonly owner: object;
  /** Threads that still have connections to it. */
  readonly threads: Set<number>;
  /** The owner asked to be told when nothing is in flight. */
  drainAsked: boolean;
}

export interface WorkerRegistry {
  readonly app: (name: string) => SharedApp;
  readonly apps: () => readonly SharedApp[];
  readonly add: (app: string, record: WorkerRecord, owner: object) => KnownWorker;
  readonly find: (owner: object, key: string) => KnownWorker | undefined;
  readonly get: (serial: number) => KnownWorker | undefined;
  readonly all: () => Iterable<KnownWorker>;
  readonly remove: (worker: KnownWorker) => void;
  /** True once, when a drain was asked for and nothing is in flight any more. */
  readonly takeDrained: (worker: KnownWorker) => boolean;
  /** A thread ended: what it owned is free; returns the workers it was within a request to. */
  readonly sweep: (thread: number) => readonly KnownWorker[];
}

/** @param threads how many there are; they are numbered from 0 */
export function createWorkerRegistry(threads: number): WorkerRegistry {
  const apps = new Map<string, SharedApp>();
  const workers = new Map<number, KnownWorker>();
  let metricsSlots: ReadonlyMap<string, number> = new Map();
  let nextSerial = 1;

  return {
    app(name) {
      const known = apps.get(name);
      if (known !== undefined) return known;
      metricsSlots = assignAppSlots([name], metricsSlots);
      const app: SharedApp = {
        id: apps.size,
        name,
        queue: createAppQueue(threads),
        metricsSlot: metricsSlots.get(name) ?? -1,
      };
      apps.set(name, app);
      return app;
    },
    apps: () => [...apps.values()],
    add(name, record, owner) {
      const memory = createWorkerSlots(record.capacity);
      const worker: KnownWorker = {
        serial: nextSerial++,
        app: this.app(name),
        record,
        memory,
        slots: new Int32Array(memory),
        owner,
        threads: new Set(Array.from({ length: threads }, (_, index) => index)),
        drainAsked: false,
      };
      workers.set(worker.serial, worker);
      return worker;
    },
    find(owner, key) {
      for (const worker of workers.values()) {
        if (worker.owner === owner && worker.record.key === key) return worker;
      }
      return undefined;
    },
    get: (serial) => workers.get(serial),
    all: () => workers.values(),
    remove: (worker) => {
      workers.delete(worker.serial);
    },
    takeDrained(worker) {
      if (!worker.drainAsked || countInFlight(worker.slots) + countTunnels(worker.slots) > 0)
        return false;
      worker.drainAsked = false;
      return true;
    },
    sweep(thread) {
      for (const app of apps.values()) forgetThread(new Int32Array(app.queue), thread);
      return [...workers.values()].filter((worker) => sweepSlots(worker.slots, thread) > 0);
    },
  };
}

/** Claims after this fail; what is in flight goes on. */
export function markDraining(worker: KnownWorker): void {
  if (readState(worker.slots) === workerState.open) writeState(worker.slots, workerState.draining);
}

export function markGone(worker: KnownWorker): void {
  writeState(worker.slots, workerState.gone);
}
