/**
 * Where a generation's workers come from: a Python zygote that forks them, or processes spawned one
 * by one. The rest of the arbiter knows only this.
 */
import type { ErrorReport, Logger } from "@stack/base";
import type { WorkerRecord } from "@stack/control";
import type { ExitStatus } from "@stack/process";
import type { InstanceName } from "../core/names.ts";
import type { WorkersControl } from "./workers-control.ts";

export interface LaunchSpec {
  readonly id: string;
  readonly key: string;
  readonly slot: number;
  readonly serial: number;
}

/** How a worker can be reached, once it says that it listens. */
export type WorkerAddress = Omit<WorkerRecord, "key" | "id" | "pid" | "generation" | "release">;

/**
 * What a source says about a worker it launched. Each at most once but for `pong`, `exited` always
 * and last.
 */
export interface WorkerEvents {
  readonly started: (pid: number) => void;
  readonly listening: (address: WorkerAddress) => void;
  /** Why it is about to end, when that is known better than its exit status. */
  readonly failed: (error: ErrorReport) => void;
  /** It stops taking requests by its own will: drain it, and start another. */
  readonly leaving: (reason: string) => void;
  /** Its loop turns: the answer to `ping`. As often as it likes. */
  readonly pong: () => void;
  readonly exited: (status: ExitStatus) => void;
}

export interface LaunchedWorker {
  /** The edges begin to drain it: end what has no end of its own. */
  readonly part?: () => void;
  /** Finish what runs, then exit by yourself. */
  readonly drain: (deadlineMs: number) => void;
  readonly signal: (signal: "SIGTERM" | "SIGKILL") => void;
  /** Answered by `pong`; absent where it knows nothing of us. */
  readonly ping?: () => void;
  /**
   * Where its threads are; empty where that cannot be seen.
   *
   * @param spared it is not to be harmed
   */
  readonly readStacks?: (spared: boolean) => Promise<readonly string[]>;
}

export interface WorkerSource {
  /** Resolves when workers can be launched. Rejects with a StackError, once it has cleaned up. */
  readonly start: () => Promise<void>;
  readonly launch: (spec: LaunchSpec, events: WorkerEvents) => LaunchedWorker;
  /** It died and can launch no more; its workers go on. */
  onLost: (reason: string) => void;
  /** Nothing more will be launched; it ends when its last worker has, then this resolves. */
  readonly close: () => Promise<void>;
}

/** What every source needs to know. */
export interface SourceContext {
  readonly name: InstanceName;
  readonly generation: number;
  readonly release: string;
  /** `run/APP`. */
  readonly folder: string;
  readonly control: WorkersControl;
  readonly log: Logger;
}
