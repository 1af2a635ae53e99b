/** Entry of a Node worker, started by its arbiter with an IPC channel. */
import { runNodeWorker } from "../node-worker/run-node-worker.ts";

await runNodeWorker();
