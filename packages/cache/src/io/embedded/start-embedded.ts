/** Starts the thread that owns the embedded store; runs in the edge's main thread. */
import { once } from "node:events";
import { extname } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { SharedStoreEvents } from "../../core/store/shared-store.ts";
import type { StoreReport, StoreThreadData } from "./store-messages.ts";

export interface EmbeddedThread {
  /** A port for one thread to `openEmbeddedStore` with; to be transferred. */
  readonly connect: () => MessagePort;
  readonly close: () => Promise<void>;
}

export function startEmbeddedThread(
  data: StoreThreadData,
  events: Pick<SharedStoreEvents, "onTrouble" | "onRecovered">,
): EmbeddedThread {
  // Beside this file, built or not.
  const program = `../../bin/embedded-store${extname(import.meta.url)}`;
  const worker = new Worker(new URL(program, import.meta.url), {
    workerData: data,
    name: "embedded-store",
  });
  worker.on("message", (message: StoreReport) => {
    if (message.type === "trouble") events.onTrouble(message.error);
    else events.onRecovered();
  });
  // It ends the ports: what asks it then finds nothing.
  worker.on("error", () => {});
  return {
    connect() {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(port2, [port2]);
      return port1;
    },
    async close() {
      if (worker.threadId === -1) return;
      const ended = once(worker, "exit");
      worker.postMessage("close");
      await ended;
    },
  };
}
