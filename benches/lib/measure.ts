/** One round: wrk against a server, and the CPU time its processes used meanwhile. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cpuSeconds, pssBytes } from "./proc.ts";
import { loadCore, type Server } from "./servers.ts";

export interface Round {
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  /** User and system time of all processes of the server, per request. */
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly megabytesPerSecond: number;
  readonly pssMegabytes: number;
}

export interface LoadOptions {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** Of wrk, where it is not to be the load's core alone. */
  readonly cores?: string;
  /** A Lua script for wrk that says what to ask for. */
  readonly script?: string;
  /** It may be too slow to answer anything. */
  readonly isWarmUp?: boolean;
}

const run = promisify(execFile);

export async function measureRound(server: Server, options: LoadOptions): Promise<Round> {
  const { cores = loadCore } = options;
  const pids = server.pids();
  const before = cpuSeconds(pids);
  const { stdout } = await run("taskset", [
    ...["-c", cores, "wrk", "-t1", `-c${options.connections}`, `-d${options.seconds}s`],
    ...["--latency", "--timeout", "10s"],
    ...(options.script === undefined ? [] : ["-s", options.script]),
    `${server.url}${options.path}`,
  ]);
  const cpu = cpuSeconds(pids) - before;
  const requests = number(stdout, /(\d+) requests in/);
  if (requests === 0 && !options.isWarmUp) {
    throw new Error(`${server.name} answered nothing:\n${stdout}`);
  }
  const duration = seconds(stdout, /requests in ([\d.]+\w+),/);
  return {
    requests,
    errors: socketErrors(stdout) + number(stdout, /Non-2xx or 3xx responses: (\d+)/, 0),
    requestsPerSecond: requests / duration,
    cpuMicros: (cpu / requests) * 1e6,
    p50Ms: seconds(stdout, /50%\s+([\d.]+\w+)/) * 1000,
    p99Ms: seconds(stdout, /99%\s+([\d.]+\w+)/) * 1000,
    megabytesPerSecond: bytes(stdout, /, ([\d.]+\w+) read/) / duration / 1e6,
    pssMegabytes: pssBytes(pids) / 1e6,
  };
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
  const [, value, unit] = /([\d.]+)(B|KB|MB|GB|TB)/.exec(pattern.exec(text)?.[1] ?? "") ?? [];
  const factor = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 }[unit ?? ""];
  if (factor === undefined) throw new Error(`wrk printed no ${pattern}:\n${text}`);
  return Number(value) * factor;
}
