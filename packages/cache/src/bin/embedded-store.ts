/** The thread that owns the embedded store (`io/embedded`): started by an edge, ends with it. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { createMendedFile } from "../io/embedded/mended-file.ts";
import { createStoreDesk } from "../io/embedded/store-desk.ts";
import type { StoreReport, StoreThreadData } from "../io/embedded/store-messages.ts";

const purgesEveryMs = 100;

const { folder, bytes } = workerData as StoreThreadData;
const report = (message: StoreReport): void => parentPort?.postMessage(message);
const file = createMendedFile({
  folder,
  bytes,
  onTrouble: (error) => report({ type: "trouble", error }),
  onRecovered: () => report({ type: "recovered" }),
});
const desk = createStoreDesk(file);
const ticker = setInterval(desk.passPurges, purgesEveryMs);
parentPort?.on("message", (message: MessagePort | "close") => {
  if (message !== "close") {
    desk.connect(message);
    return;
  }
  clearInterval(ticker);
  file.close();
  process.exit();
});
