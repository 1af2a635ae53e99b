/** One round: wrk against a server, and the CPU time its processes used meanwhile. */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { loadCore, type Server } from "./servers.ts";

export interface Round {
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  /** User and system time of all processes of the server, per request. */
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bytesPerSecond: number;
  readonly pssBytes: number;
}

const run = promisify(execFile);
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export async function measureRound(
  server: Server,
  path: string,
  options: { readonly connections: number; readonly seconds: number },
): Promise<Round> {
  const pids = server.pids();
  const before = cpuTicks(pids);
  const { stdout } = await run("taskset", [
    ...["-c", String(loadCore), "wrk", "-t1", `-c${options.connections}`, `-d${options.seconds}s`],
    ...["--latency", `${server.url}${path}`],
  ]);
  const ticks = cpuTicks(pids) - before;
  const requests = number(stdout, /(\d+) requests in/);
  const duration = seconds(stdout, /requests in ([\d.]+\w+),/);
  return {
    requests,
    errors: socketErrors(stdout) + number(stdout, /Non-2xx or 3xx responses: (\d+)/, 0),
    requestsPerSecond: requests / duration,
    cpuMicros: (ticks / ticksPerSecond / requests) * 1e6,
    p50Ms: seconds(stdout, /50%\s+([\d.]+\w+)/) * 1000,
    p99Ms: seconds(stdout, /99%\s+([\d.]+\w+)/) * 1000,
    bytesPerSecond: bytes(stdout, /, ([\d.]+\w+) read/) / duration,
    pssBytes: pids.reduce((sum, pid) => sum + pss(pid), 0),
  };
}

function cpuTicks(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(pid), 0);
}

/** utime and stime of all threads; a process that ended counts nothing. */
function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}

function pss(pid: number): number {
  try {
    return number(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"), /^Pss:\s+(\d+)/m) * 1024;
  } catch {
    return 0;
  }
}

function socketErrors(output: string): number {
  const match = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  return match === null ? 0 : match.slice(1).reduce((sum, count) => sum + Number(count), 0);
}

function number(text: string, pattern: RegExp, fallback?: number): number {
  const match = pattern.exec(text);
  if (match !== null) return Number(match[1]);
  if (fallback !== undefined) return fallback;
  throw new Error(`wrk printed no ${pattern}:\n${text}`);
}

function seconds(text: string, pattern: RegExp): number {
  const [, value, unit] = /([\d.]+)(us|ms|s|m)/.exec(pattern.exec(text)?.[1] ?? "") ?? [];
  const factor = { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[unit ?? ""];
  if (factor === undefined) throw new Error(`wrk printed no ${pattern}:\n${text}`);
  return Number(value) * factor;
}

function bytes(text: string, pattern: RegExp): number {
  const [, value, unit] = /([\d.]+)(B|KB|MB|GB)/.exec(pattern.exec(text)?.[1] ?? "") ?? [];
  const factor = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }[unit ?? ""];
  if (factor === undefined) throw new Error(`wrk printed no ${pattern}:\n${text}`);
  return Number(value) * factor;
}
