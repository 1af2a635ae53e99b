/**
 * Starts the thread that owns the embedded store, and another when it ends by a fault; runs in the
 * edge's main thread.
 */
import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { programFile } from "@stack/base";
import { createCircuit } from "../../core/store/circuit.ts";
import type { SharedStoreEvents } from "../../core/store/shared-store.ts";
import { embeddedCacheEnded } from "../../errors.ts";
import type { StoreReport, StoreThreadData } from "./store-messages.ts";

export interface EmbeddedThread {
  /** A port for one thread to `openEmbeddedStore` with; to be transferred. */
  readonly connect: () => MessagePort;
  readonly close: () => Promise<void>;
}

export interface EmbeddedThreadEvents extends Pick<SharedStoreEvents, "onTrouble" | "onRecovered"> {
  /** There is a new thread: whoever had a port to the old one is to `attach` another. */
  readonly onRestart: () => void;
}

/** A thread that lived so long did not die of what it began with. */
const soundMs = 60_000;
const program = programFile(import.meta.resolve("@stack/cache"), "embedded-store");

export function startEmbeddedThread(
  data: StoreThreadData,
  events: EmbeddedThreadEvents,
): EmbeddedThread {
  const pauses = createCircuit();
  let isClosing = false;
  let timer: NodeJS.Timeout | undefined;
  let worker = start();

  function start(): Worker {
    const started = new Worker(program, {
      workerData: data,
      name: "embedded-store",
    });
    const startedAt = performance.now();
    let reason = "it ended by itself";
    started.on("message", (message: StoreReport) => {
      if (message.type === "trouble") events.onTrouble(message.error);
      else events.onRecovered();
    });
    // It ends the ports: what asks it then finds nothing.
    started.on("error", (error) => {
      reason = String(error);
    });
    started.once("exit", () => {
      if (isClosing) return;
      if (performance.now() - startedAt > soundMs) pauses.close();
      events.onTrouble(embeddedCacheEnded({ reason }).report);
      timer = setTimeout(restart, pauses.nextPauseMs());
    });
    return started;
  }

  function restart(): void {
    worker = start();
    events.onRestart();
    events.onRecovered();
  }

  return {
    connect() {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(port2, [port2]);
      return port1;
    },
    async close() {
      isClosing = true;
      clearTimeout(timer);
      if (worker.threadId === -1) return;
      const ended = once(worker, "exit");
      worker.postMessage("close");
      await ended;
    },
  };
}
