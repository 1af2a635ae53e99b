/** Programs of a benchmark: started on the cores they are to have, ended by pid, never by name. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { isAlive } from "@stack/testkit";
import type { Bench } from "./bench.ts";
import { processTree } from "./proc.ts";

/** The core of the servers measured; load generators and upstreams run on the other. */
export const serverCore = "0";
export const loadCore = "1";
export const allCores = "0,1";

/** How many a list of cores names. */
export function coresIn(cores: string): number {
  return cores.split(",").length;
}

/** What a case measures: where to send requests, and whose CPU time and memory count. */
export interface Server {
  readonly name: string;
  /** Base URL, no slash at the end. */
  readonly url: string;
  /** Every process that counts, asked for anew at each round (workers come and go). */
  readonly pids: () => readonly number[];
}

export interface ProgramOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly cores?: string;
  /** A port of 127.0.0.1 or the path of a Unix socket: accepting there means started. */
  readonly listensOn: number | string;
  readonly stopSignal?: NodeJS.Signals;
}

const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;

/** Resolves with its pid when it listens. An error names the program and has its last words. */
export async function startProgram(bench: Bench, options: ProgramOptions): Promise<number> {
  const { name, command, cwd, cores = serverCore, listensOn } = options;
  const child = spawn("taskset", ["-c", cores, ...command], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    output = (output + chunk).slice(-4000);
  });
  bench.use({
    [Symbol.asyncDispose]: () => stopProgram(child, options.stopSignal ?? "SIGTERM"),
  });
  const problem = (what: string): Error =>
    new Error(`${name} did not start: ${what}\n${command.join(" ")}\n${output.trim()}`);
  let gone: string | undefined;
  child.once("error", (error) => {
    gone = error.message;
  });
  child.once("exit", (code, signal) => {
    gone = `exit ${code ?? signal}`;
  });
  const end = performance.now() + startTimeoutMs;
  while (!(await accepts(listensOn))) {
    if (gone !== undefined) throw problem(gone);
    if (performance.now() > end) throw problem(`nothing listens on ${listensOn} after 30 s`);
    await wait(50);
  }
  return child.pid ?? 0;
}

/** As `startProgram`, for a server of HTTP on a port. */
export async function startServer(
  bench: Bench,
  options: ProgramOptions & { readonly listensOn: number; readonly isTls?: boolean },
): Promise<Server> {
  const pid = await startProgram(bench, options);
  const url = urlOf(options.listensOn, options.isTls);
  return { name: options.name, url, pids: () => processTree(pid) };
}

/** Over TLS by name, as clients do it. */
export function urlOf(port: number, isTls = false): string {
  return isTls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
}

/** Ends a program and all it started, and waits for it. */
async function stopProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const tree = processTree(child.pid);
  const ended = once(child, "exit");
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await ended;
  clearTimeout(late);
  for (const pid of tree) if (isAlive(pid)) process.kill(pid, "SIGKILL");
}

function accepts(address: number | string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket =
      typeof address === "number" ? connect(address, "127.0.0.1") : connect({ path: address });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
