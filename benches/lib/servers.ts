/** Server programs of a benchmark: started pinned to one core, ended by pid, never by name. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";

/** The core of the servers measured; load generators and upstreams run on the other. */
export const serverCore = 0;
export const loadCore = 1;

/** What a case measures: where to send requests, and whose CPU time counts. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  /** Base URL, no slash at the end. */
  readonly url: string;
  /** Every process whose time counts, asked for anew at each round (workers come and go). */
  readonly pids: () => readonly number[];
}

/** Starts a program on one core; its output is shown only when it ends too early. */
export function startPinned(core: number, command: readonly string[], cwd: string): ChildProcess {
  const child = spawn("taskset", ["-c", String(core), ...command], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    output = (output + chunk).slice(-4000);
  });
  child.once("exit", (code) => {
    if (code !== 0 && code !== null) console.error(`${command.join(" ")}: exit ${code}\n${output}`);
  });
  return child;
}

/** Ends a program and waits for it. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

/** Resolves when something accepts connections there. */
export async function whenListening(port: number, timeoutMs = 15_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await accepts(port))) {
    if (performance.now() > end) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A process and all its descendants. */
export function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== undefined)
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree: number[] = [];
  const pending = [root];
  for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
    tree.push(pid);
    pending.push(...(children.get(pid) ?? []));
  }
  return tree;
}

/** First line a program prints about its version. */
export function versionOf(command: string, ...args: readonly string[]): string {
  const output = execFileSync("sh", ["-c", `${[command, ...args].join(" ")} 2>&1 || true`], {
    encoding: "utf8",
  });
  return output.trim().split("\n")[0] ?? "";
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // it ended while we looked
  }
}
