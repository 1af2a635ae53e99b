/** One round: wrk or h2load against a server, and the CPU time its processes used meanwhile. */
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
  /** Of the load generator, where it is not to be the load's core alone. */
  readonly cores?: string;
  /** A Lua script for wrk that says what to ask for. */
  readonly script?: string;
  /** Over HTTP/2, so many streams at once on each connection. */
  readonly streams?: number;
  /** It may be too slow to answer anything. */
  readonly isWarmUp?: boolean;
}

const run = promisify(execFile);

export async function measureRound(server: Server, options: LoadOptions): Promise<Round> {
  const { cores = loadCore, streams } = options;
  const pids = server.pids();
  const before = cpuSeconds(pids);
  const load = streams === undefined ? wrk(options) : h2load(options, streams);
  const url = `${server.url}${options.path}`;
  const { stdout } = await run("taskset", ["-c", cores, ...load, url]);
  const cpu = cpuSeconds(pids) - before;
  const report = streams === undefined ? readWrk(stdout) : readH2load(stdout, options.seconds);
  if (report.requests === 0 && !options.isWarmUp) {
    throw new Error(`${server.name} answered nothing:\n${stdout}`);
  }
  return {
    ...report,
    cpuMicros: (cpu / report.requests) * 1e6,
    pssMegabytes: pssBytes(pids) / 1e6,
  };
}

type Report = Omit<Round, "cpuMicros" | "pssMegabytes">;

function wrk({ connections, seconds, script }: LoadOptions): readonly string[] {
  const load = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "--timeout", "10s"];
  return script === undefined ? load : [...load, "-s", script];
}

function readWrk(output: string): Report {
  const requests = number(output, /(\d+) requests in/);
  const duration = seconds(output, /requests in ([\d.]+\w+),/);
  return {
    requests,
    errors: socketErrors(output) + number(output, /Non-2xx or 3xx responses: (\d+)/, 0),
    requestsPerSecond: requests / duration,
    p50Ms: seconds(output, /50%\s+([\d.]+\w+)/) * 1000,
    p99Ms: seconds(output, /99%\s+([\d.]+\w+)/) * 1000,
    megabytesPerSecond: bytes(output, /, ([\d.]+\w+) read/) / duration / 1e6,
  };
}

function h2load({ connections, seconds }: LoadOptions, streams: number): readonly string[] {
  return ["h2load", "-t1", `-c${connections / streams}`, `-m${streams}`, `-D${seconds}`];
}

/** It says how long requests took, but not of how many. */
function readH2load(output: string, seconds: number): Report {
  const requests = number(output, /(\d+) succeeded/);
  return {
    requests,
    errors: number(output, /(\d+) failed/) + number(output, /(\d+) errored/),
    requestsPerSecond: requests / seconds,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    megabytesPerSecond: Number.NaN,
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
  throw new Error(`the load generator printed no ${pattern}:\n${text}`);
}

function seconds(text: string, pattern: RegExp): number {
  const [, value, unit] = /([\d.]+)(us|ms|s|m)/.exec(pattern.exec(text)?.[1] ?? "") ?? [];
  const factor = { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[unit ?? ""];
  if (factor === undefined) throw new Error(`the load generator printed no ${pattern}:\n${text}`);
  return Number(value) * factor;
}

function bytes(text: string, pattern: RegExp): number {
  const [, value, unit] = /([\d.]+)(B|KB|MB|GB|TB)/.exec(pattern.exec(text)?.[1] ?? "") ?? [];
  const factor = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 }[unit ?? ""];
  if (factor === undefined) throw new Error(`the load generator printed no ${pattern}:\n${text}`);
  return Number(value) * factor;
}
