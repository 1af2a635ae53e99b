/** What an arbiter and a Node worker say to each other over Node's IPC channel. */
import type { ImportFailure } from "./import-failure.ts";

export type ArbiterToNodeWorker =
  | {
      readonly type: "start";
      /** "shop-1.2", the mark of its log lines. */
      readonly id: string;
      /** Absolute path of the module. */
      readonly entry: string;
      /** What it finds in process.argv after itself. */
      readonly args: readonly string[];
      readonly socket: string;
      /** For the app; the arbiter's own unless said otherwise. */
      readonly umask?: number;
      /** Its socket is for its group as well: the edge is somebody else. */
      readonly shared: boolean;
    }
  | { readonly type: "drain"; readonly deadlineMs: number }
  | { readonly type: "ping" };

export type NodeWorkerToArbiter =
  | { readonly type: "listening" }
  /** Its event loop turns: the answer to `ping`. */
  | { readonly type: "pong" }
  | { readonly type: "import-failed"; readonly failure: ImportFailure }
  /** It must not take more requests, "uncaught exception"; it waits to be drained. */
  | { readonly type: "leaving"; readonly reason: string };
