/** What arbiters say about workers, what threads say about them, and what each has to be told. */
import type { Logger } from "@stack/base";
import type { WorkerLoad, WorkerRecord } from "@stack/control";
import {
  type KnownWorker,
  markDraining,
  markGone,
  type WorkerRegistry,
} from "../../core/scheduling/worker-registry.ts";
import type { MainToThread, SharedApp, ThreadToMain } from "../../core/thread-messages.ts";
import type { ArbiterEvents, ArbiterPeer } from "./arbiter-server.ts";

export interface ArbiterDeskOptions {
  readonly registry: WorkerRegistry;
  readonly post: (message: MainToThread) => void;
  readonly loadOf: (worker: KnownWorker) => WorkerLoad;
  /** How long requests of an app wait for a worker. */
  readonly waitOf: (app: SharedApp) => number;
  readonly log: Logger;
}

export interface ArbiterDesk extends ArbiterEvents {
  readonly onThreadMessage: (
    thread: number,
    message: Extract<ThreadToMain, { readonly serial: number }>,
  ) => void;
  readonly onThreadEnd: (thread: number) => void;
  /** Tells each arbiter what its workers have done. */
  readonly report: () => void;
}

export function createArbiterDesk(options: ArbiterDeskOptions): ArbiterDesk {
  const { registry, post, loadOf, waitOf, log } = options;

  function add(peer: ArbiterPeer, app: string, record: WorkerRecord): void {
    if (registry.find(peer, record.key) !== undefined) return;
    const worker = registry.add(app, record, peer);
    post({
      type: "worker-up",
      serial: worker.serial,
      app: worker.app,
      record,
      slots: worker.memory,
    });
  }

  function drain(worker: KnownWorker): void {
    markDraining(worker);
    post({ type: "worker-drain", serial: worker.serial });
    tellDrained(worker);
  }

  function tellDrained(worker: KnownWorker): void {
    if (!registry.takeDrained(worker)) return;
    (worker.owner as ArbiterPeer).send({ type: "worker-drained", key: worker.record.key });
  }

  function removeIfClosed(worker: KnownWorker): void {
    if (worker.threads.size > 0) return;
    tellDrained(worker);
    registry.remove(worker);
  }

  return {
    onMessage(peer, app, message) {
      switch (message.type) {
        case "register":
          for (const record of message.workers) add(peer, app, record);
          return;
        case "worker-up":
          add(peer, app, message.worker);
          return;
        case "worker-drain": {
          const worker = registry.find(peer, message.key);
          if (worker === undefined) {
            // Unknown to us: then nothing of ours is in flight there.
            peer.send({ type: "worker-drained", key: message.key });
            return;
          }
          worker.drainAsked = true;
          drain(worker);
          return;
        }
        case "worker-gone": {
          const worker = registry.find(peer, message.key);
          if (worker === undefined) return;
          markGone(worker);
          const { answer } = message;
          // Whoever has an answer for its requests waits until they have got it.
          worker.drainAsked = answer !== undefined;
          post({
            type: "worker-gone",
            serial: worker.serial,
            ...(answer === undefined ? {} : { answer }),
          });
          return;
        }
        default:
          log.warn("an arbiter said something unknown");
      }
    },
    onGone(peer) {
      // Its workers see it too and drain by themselves; they are forgotten as their connections close.
      for (const worker of [...registry.all()]) {
        if (worker.owner !== peer) continue;
        worker.drainAsked = false;
        drain(worker);
      }
    },
    onThreadMessage(thread, message) {
      const worker = registry.get(message.serial);
      if (worker === undefined) return;
      switch (message.type) {
        case "worker-idle":
          tellDrained(worker);
          return;
        case "worker-closed":
          worker.threads.delete(thread);
          removeIfClosed(worker);
          return;
        case "worker-stuck":
          log.warn(
            `worker ${worker.record.id} (pid ${worker.record.pid}) has not answered ${message.request.method} ${message.request.url} for ${message.request.client} in ${message.ageMs} ms`,
          );
          (worker.owner as ArbiterPeer).send({
            type: "worker-stuck",
            key: worker.record.key,
            request: message.request,
            ageMs: message.ageMs,
          });
          return;
        default:
      }
    },
    report() {
      const loads = new Map<ArbiterPeer, Record<string, WorkerLoad>>();
      const apps = new Map<ArbiterPeer, SharedApp>();
      for (const worker of registry.all()) {
        const { record, app } = worker;
        const peer = worker.owner as ArbiterPeer;
        const workers = loads.get(peer) ?? {};
        workers[record.key] = loadOf(worker);
        loads.set(peer, workers);
        apps.set(peer, app);
      }
      for (const [peer, workers] of loads) {
        const app = apps.get(peer);
        peer.send({ type: "workers-load", workers, waitMs: app === undefined ? 0 : waitOf(app) });
      }
    },
    onThreadEnd(thread) {
      for (const worker of registry.sweep(thread)) {
        post({ type: "worker-distrust", serial: worker.serial });
        tellDrained(worker);
      }
      for (const worker of [...registry.all()]) {
        worker.threads.delete(thread);
        removeIfClosed(worker);
      }
    },
  };
}
