/**
 * One forked Python worker, as the arbiter sees it: its zygote tells of its birth and end, its
 * control connection of the rest. Without a zygote the end of that connection is its end.
 */
import { type ErrorReport, reportOf, type StackError } from "@stack/base";
import { type ExitStatus, isRunning, readStartTime } from "@stack/process";
import type { ImportFailure } from "../core/import-failure.ts";
import { readCrash, readStacks } from "./read-stacks.ts";
import type { LaunchedWorker, WorkerEvents } from "./worker-source.ts";
import type { WorkerPeer, WorkersControl } from "./workers-control.ts";

export interface ForkedWorker extends LaunchedWorker {
  readonly forked: (pid: number) => void;
  /** Its zygote died: nobody will report its exit. */
  readonly orphaned: () => void;
  readonly finished: (status: ExitStatus) => void;
}

export interface ForkedWorkerOptions {
  readonly key: string;
  /** Path of the socket it is to listen on. */
  readonly socket: string;
  readonly control: WorkersControl;
  /** Requests it takes at once. */
  readonly capacity: number;
  readonly takesAhead: boolean;
  readonly sharesConnection: boolean;
  readonly events: WorkerEvents;
  readonly error: (failure: ImportFailure) => StackError;
  /** An ASGI app refused to start; what it said. */
  readonly startupError: (said: string) => StackError;
  /** It was ended by a fault of its own (a segmentation fault); where that was, for the log. */
  readonly crashed: (lines: readonly string[]) => void;
  readonly ended: () => void;
}

/** The zygote reports an exit within milliseconds; a worker that only closed its connection hangs. */
const reportGraceMs = 2_000;
/** Before which Python's faulthandler says where it was. */
const faults = new Set<string | null>(["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT"]);
const unknownExit: ExitStatus = { code: null, signal: null };

export function createForkedWorker(options: ForkedWorkerOptions): ForkedWorker {
  const { key, socket, control, events } = options;
  let identity: { readonly pid: number; readonly startTime: number } | undefined;
  let peer: WorkerPeer | undefined;
  let stacksSignal = 0;
  let orphan = false;
  let over = false;
  let draining = false;
  let timer: NodeJS.Timeout | undefined;

  control.expect(key, (connected, hello) => {
    peer = connected;
    if (over) {
      connected.destroy();
      return;
    }
    started(hello.pid);
    stacksSignal = hello.stacksSignal;
    connected.onMessage = (message) => {
      switch (message.type) {
        case "ready":
          events.listening({
            protocol: "worker",
            address: `unix:${socket}`,
            capacity: options.capacity,
            takesAhead: options.takesAhead,
            sharesConnection: options.sharesConnection,
          });
          return;
        case "import-failed":
          events.failed(options.error(message).report);
          return;
        case "startup-failed":
          events.failed(options.startupError(message.message).report);
          return;
        case "failed":
          events.failed(listenFailed(message.error));
          return;
        case "pong":
          events.pong();
          return;
        case "draining":
          if (!draining) events.leaving("SIGTERM from outside");
          return;
        default:
      }
    };
    connected.onClose = () => {
      if (orphan) lost();
      else timer = setTimeout(lost, reportGraceMs);
    };
  });

  function started(pid: number): void {
    if (identity !== undefined || over) return;
    identity = { pid, startTime: readStartTime(pid) ?? 0 };
    events.started(pid);
  }

  function lost(): void {
    if (over) return;
    signal("SIGKILL");
    finished(unknownExit);
  }

  function finished(status: ExitStatus): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    if (faults.has(status.signal)) options.crashed(readCrash(`${socket}.stacks`));
    control.forget(key);
    options.ended();
    events.exited(status);
    peer?.destroy();
  }

  function signal(name: "SIGTERM" | "SIGKILL" | number): void {
    if (over || identity === undefined) return;
    if (!isRunning(identity.pid, identity.startTime)) return; // its number may be another's by now
    try {
      process.kill(identity.pid, name);
    } catch {
      // gone meanwhile
    }
  }

  return {
    forked: started,
    finished,
    signal,
    part: () => peer?.send({ type: "part" }),
    ping: () => peer?.send({ type: "ping" }),
    readStacks: () => readStacks({ file: `${socket}.stacks`, ask: () => signal(stacksSignal) }),
    drain(deadlineMs) {
      draining = true;
      if (peer === undefined) signal("SIGTERM");
      else peer.send({ type: "drain", deadlineMs });
    },
    orphaned() {
      orphan = true;
      if (peer === undefined) lost();
    },
  };
}

function listenFailed(error: string): ErrorReport {
  return reportOf(new Error(`a worker cannot listen on its socket: ${error}`));
}
