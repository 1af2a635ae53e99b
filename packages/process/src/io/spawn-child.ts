/**
 * Starts one child: the only place of the stack that does. Over `node:child_process` itself: it is
 * what keeper and arbiters live on, and a wrapper library costs each of them 20 MB.
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { ExitStatus } from "../core/lifecycle.ts";
import { openOutputPipes } from "./output-pipes.ts";
import { readStartTime } from "./process-facts.ts";

export interface ChildSpec {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment; nothing is added. */
  readonly env: Readonly<Record<string, string>>;
  /** Who it runs as, with no other group; ourselves unless said otherwise. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** "ignore" unless said otherwise; a number is one of our own descriptors. */
  readonly stdin?: "ignore" | "pipe" | number;
  readonly stdout?: "ignore" | "inherit" | "pipe" | number;
  readonly stderr?: "ignore" | "inherit" | "pipe" | number;
  /** Descriptors from 3 on: one of our own, a new pipe (see `pipes`), or Node's IPC channel. */
  readonly extra?: readonly (number | "pipe" | "ipc" | "ignore")[];
}

export interface SpawnedChild {
  readonly pid: number;
  /** Clock ticks since boot; with the pid it is an identity. 0 when it had gone before it was read. */
  readonly startTime: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Of each "pipe" in `extra`, in its order. Both readable and writable. */
  readonly pipes: readonly (Readable & Writable)[];
  /** With `code` or `signal`, once it is reaped; its output may still have readers to come. */
  readonly exited: Promise<ExitStatus>;
  /** False when there is no IPC channel, or it is closed. */
  readonly send: (message: object) => boolean;
  /** Of the IPC channel. */
  onMessage: (message: unknown) => void;
  onDisconnect: () => void;
  /** To its whole process group; false when nothing of it is left. */
  readonly signal: (signal: NodeJS.Signals) => boolean;
  /** Lets our own process end while the child runs on. */
  readonly unref: () => void;
}

/**
 * Starts a child as the leader of its own session and process group. It outlives us unless it is
 * stopped.
 *
 * Rejects with the system's error (ENOENT, EACCES, ENOMEM …) when it cannot be started.
 */
export async function spawnChild(spec: ChildSpec): Promise<SpawnedChild> {
  const stdout = spec.stdout ?? "ignore";
  const stderr = spec.stderr ?? "ignore";
  const wanted = [stdout, stderr].filter((kind) => kind === "pipe").length;
  const pipes = await openOutputPipes(wanted, makeFifos);
  const rest = [...(pipes ?? [])];
  const outputs = [stdout, stderr].map((kind) => (kind === "pipe" ? rest.shift() : undefined));
  const given = [outputs[0]?.write ?? stdout, outputs[1]?.write ?? stderr];
  try {
    const child = await start(spec, given);
    return handleOf(child, spec.extra ?? [], [
      outputs[0]?.output ?? child.stdout,
      outputs[1]?.output ?? child.stderr,
    ]);
  } catch (error) {
    for (const { output } of pipes ?? []) output.destroy();
    throw error;
  } finally {
    for (const { closeWrite } of pipes ?? []) closeWrite();
  }
}

function start(spec: ChildSpec, outputs: readonly (string | number)[]): Promise<ChildProcess> {
  const [file, ...args] = spec.command;
  const child = spawn(file, args, {
    cwd: spec.cwd,
    env: spec.env,
    stdio: [spec.stdin ?? "ignore", ...outputs, ...(spec.extra ?? [])] as StdioOptions,
    detached: true,
    serialization: "json",
    ...(spec.user === undefined ? {} : { uid: spec.user.uid, gid: spec.user.gid }),
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => {
      child.off("error", reject);
      resolve(child);
    });
  });
}

function makeFifos(paths: readonly string[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const maker = spawn("mkfifo", ["-m", "666", ...paths], { stdio: "ignore", timeout: 5_000 });
  maker.once("error", () => resolve(false));
  maker.once("exit", (code) => resolve(code === 0));
  return promise;
}

/**
 * Signals a process group; false when nothing of it is left, or it is not ours.
 */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function handleOf(
  child: ChildProcess,
  extra: NonNullable<ChildSpec["extra"]>,
  [stdout, stderr]: readonly [Readable | null, Readable | null],
): SpawnedChild {
  const pid = child.pid ?? 0;
  const exited = new Promise<ExitStatus>((done) => {
    child.once("exit", (code, signal) => done({ code, signal }));
  });
  const handle: SpawnedChild = {
    pid,
    startTime: readStartTime(pid) ?? 0,
    stdin: child.stdin,
    stdout,
    stderr,
    pipes: extra.flatMap((kind, index) =>
      kind === "pipe" ? [child.stdio[index + 3] as Readable & Writable] : [],
    ),
    exited,
    send(message) {
      if (!child.connected) return false;
      child.send(message, () => {}); // a channel that breaks meanwhile is told by onDisconnect
      return true;
    },
    onMessage: () => {},
    onDisconnect: () => {},
    signal: (signal) => signalGroup(pid, signal),
    unref: () => child.unref(),
  };
  child.on("error", () => {}); // a failed send; `exited` and `onDisconnect` say what matters
  child.on("message", (message) => handle.onMessage(message));
  child.on("disconnect", () => handle.onDisconnect());
  return handle;
}
