/**
 * The edge process, started by the keeper on stackd's word: the main thread, and by the same file
 * its serving threads. Not for people; arguments are written by stackd (`core/edge-options.ts`).
 */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { createLogger } from "@stack/base";
import { parseEdgeOptions } from "../core/edge-options.ts";
import type { ThreadData } from "../io/main/thread-pool.ts";

// Each thread loads what it runs: code costs memory once per thread.
if (isMainThread) await runMain();
else if (parentPort !== null) {
  const { runEdgeThread } = await import("../io/thread/edge-thread.ts");
  const data = workerData as ThreadData;
  runEdgeThread(data.options, parentPort, new Map(data.ports));
}

async function runMain(): Promise<void> {
  // The keeper reads our output; when it is gone, we serve on.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  const log = createLogger((line) => process.stdout.write(line));
  const options = parseEdgeOptions(process.argv.slice(2));
  if (typeof options === "string") {
    log.error(options);
    process.exit(2);
  }
  const { reportStartFailure, runEdge } = await import("../io/main/edge-main.ts");
  try {
    await runEdge(options, new URL(import.meta.url));
  } catch (error) {
    reportStartFailure(log, error);
    process.exit(1);
  }
}
