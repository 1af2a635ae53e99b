/**
 * Keeps a stackd alive: the one thing besides the fall-back edge that the keeper does of its own
 * accord. Each gets `control.sock` as descriptor 3 and the IPC channel as descriptor 4.
 */
import type { KeeperToStackd, StackdToKeeper } from "@stack/control";
import { decideBackoff, describeExit, type SpawnedChild, spawnChild } from "@stack/process";
import type { Logs } from "./logs.ts";

export interface StackdProcess {
  readonly send: (message: KeeperToStackd) => void;
  readonly current: () => { readonly pid: number; readonly startTime: number } | undefined;
  /** It will not be started again. Resolves when it has ended, by itself or by force. */
  readonly end: (withinMs: number) => Promise<void>;
}

export interface StackdHooks {
  /** A new one runs; `restarts` came before it. */
  readonly onStart: (restarts: number) => void;
  readonly onMessage: (message: StackdToKeeper) => void;
  readonly onExit: (reason: string, lastLines: readonly string[]) => void;
}

const backoff = { firstMs: 100, maxMs: 5_000 };
/** One that lived this long is replaced at once. */
const stableMs = 2_000;
const stderrLines = 20;

export function startStackd(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  controlDescriptor: number,
  logs: Logs,
  hooks: StackdHooks,
): StackdProcess {
  let child: SpawnedChild | undefined;
  let starts = 0;
  let failures = 0;
  let ending = false;
  let timer: NodeJS.Timeout | undefined;

  async function start(): Promise<void> {
    const bornMs = performance.now();
    const lines: string[] = [];
    try {
      child = await spawnChild({
        command,
        cwd: "/",
        env,
        stdout: "pipe",
        stderr: "pipe",
        extra: [controlDescriptor, "ipc"],
      });
    } catch (error) {
      retry(bornMs, `cannot be started: ${(error as Error).message}`, lines);
      return;
    }
    const started = child;
    logs.capture(started.stdout, "stackd", "out");
    logs.capture(started.stderr, "stackd", "err", (line) => {
      lines.push(line.text);
      if (lines.length > stderrLines) lines.shift();
    });
    started.onMessage = (message) => hooks.onMessage(message as StackdToKeeper);
    starts += 1;
    hooks.onStart(starts - 1);
    const status = await started.exited;
    child = undefined;
    retry(bornMs, describeExit(status), lines);
  }

  function retry(bornMs: number, reason: string, lines: readonly string[]): void {
    hooks.onExit(reason, lines);
    if (ending) return;
    failures = performance.now() - bornMs > stableMs ? 0 : failures + 1;
    const afterMs = failures === 0 ? 0 : decideBackoff(backoff, failures, Math.random());
    timer = setTimeout(() => void start(), afterMs);
  }

  void start();
  return {
    send: (message) => {
      child?.send(message);
    },
    current: () => child,
    async end(withinMs) {
      ending = true;
      clearTimeout(timer);
      if (child === undefined) return;
      const last = child;
      const deadline = setTimeout(() => last.signal("SIGKILL"), withinMs);
      await last.exited;
      clearTimeout(deadline);
    },
  };
}
