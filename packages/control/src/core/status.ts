/**
 * What `stack status --json` prints as `stack.status/1` and the dashboard shows. Adding a key is
 * compatible; changing one bumps the version. Times are ISO 8601 UTC, durations end in Ms, sizes in
 * Bytes.
 */
import type { ErrorReport } from "@stack/base";
import type { RequestFacts } from "./peer-messages.ts";
import type { ServiceState } from "./states.ts";

export interface LastExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly at: string;
  /** In words: "exit 1", "killed by SIGKILL", "request timeout (30s)", "reload", "max requests". */
  readonly reason: string;
  /** The last lines of its standard error, at most 20. */
  readonly stderr?: readonly string[];
}

export type ProcessKind = "keeper" | "stackd" | "edge" | "app" | "program" | "redis";

export interface ProcessStatus {
  /** "keeper", "stackd", "edge", "shop-1" (the arbiter of instance 1), "jobs", "redis" */
  readonly name: string;
  readonly kind: ProcessKind;
  readonly pid: number | null;
  readonly state: ServiceState;
  readonly restarts: number;
  readonly uptimeMs: number;
  readonly lastExit: LastExit | null;
  /** Why it will not become ready by itself; null or absent otherwise. */
  readonly error?: ErrorReport | null;
  /** Percent of one core over the last second, and proportional memory; null when unknown. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
}

export interface WorkerStatus {
  /** "shop-1.2": app, instance, worker slot. */
  readonly id: string;
  readonly pid: number | null;
  readonly instance: number;
  readonly generation: number;
  readonly state: ServiceState;
  readonly requests: number;
  /** Requests under way now. */
  readonly inFlight: number;
  /** Of all it takes at once, over about the last ten seconds. */
  readonly busyPercent: number;
  /** Requests it answered with 500: what its framework, or the worker for it, makes of an exception. */
  readonly exceptions: number;
  /** The request that has been under way longest; null where there is none. */
  readonly current: (RequestFacts & { readonly ageMs: number }) | null;
  readonly restarts: number;
  readonly lastExit: LastExit | null;
  /** The last ends of workers in this slot, the newest last, with their last words. */
  readonly exits: readonly LastExit[];
  readonly uptimeMs: number;
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
}

/** `stack requests`: one that is under way. */
export interface RunningRequest extends RequestFacts {
  /**
   * - `receiving`: its client is still sending it; `queued`: every worker is busy;
   * - `running`: whoever answers it has it; `answering`: the answer has begun;
   * - `tunnel`: an open WebSocket, or another protocol.
   */
  readonly state: "receiving" | "queued" | "running" | "answering" | "tunnel";
  /** "" for what no app answers. */
  readonly app: string;
  /** "shop-1.2", or the address of an upstream's server; "" where nobody has it. */
  readonly servedBy: string;
  readonly ageMs: number;
}

export interface LatencyMs {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface AppStatus {
  readonly name: string;
  readonly kind: "wsgi" | "asgi" | "node" | "command";
  readonly state: ServiceState;
  /** Workers of all instances together. */
  readonly desired: number;
  readonly ready: number;
  readonly queue: number;
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  readonly latencyMs: LatencyMs | null;
  readonly workers: readonly WorkerStatus[];
  /** Why it does not serve, or why its newest code does not; null or absent otherwise. */
  readonly error?: ErrorReport | null;
  /** `reload --canary` is under way; absent otherwise. */
  readonly canary?: CanaryStatus;
  /** What became of the last one, as far as this stackd knows. */
  readonly lastCanary?: CanaryVerdictStatus;
}

export interface CanaryStatus {
  readonly release: string;
  /** Of the requests, above 0, at most 1. */
  readonly share: number;
  readonly elapsedMs: number;
  /** How many it must have had before it is decided. */
  readonly wanted: number;
  /** It is not decided before, however many have come; and not left open after. */
  readonly timeMs: number;
  readonly deadlineMs: number;
  readonly old: CanarySideStatus;
  readonly new: CanarySideStatus;
}

export interface CanaryVerdictStatus {
  readonly release: string;
  readonly at: string;
  readonly ageMs: number;
  readonly verdict: "promoted" | "taken-back";
  readonly reason: string;
}

export interface CanarySideStatus {
  readonly requests: number;
  /** Answered with 5xx. */
  readonly errors: number;
  readonly p95Ms: number | null;
}

export interface EdgeStatus {
  /** Where to reach it, "http://127.0.0.1:8080". */
  readonly urls: readonly string[];
  readonly threads: number;
  readonly connections: number;
  readonly requestsPerSecond: number;
  readonly latencyMs: LatencyMs | null;
  /** Answers since the edge started, by class: index 1 is 1xx … 5 is 5xx. */
  readonly answers: readonly number[];
  /** `stack maintenance`; null or absent: requests are answered. */
  readonly maintenance?: {
    readonly mode: "on" | "paused";
    readonly since: string;
    readonly retryAfterS: number;
  } | null;
}

export interface StatusData {
  readonly stack: string;
  readonly state: ServiceState;
  readonly release: string;
  readonly config: string;
  readonly startedAt: string;
  readonly processes: readonly ProcessStatus[];
  readonly apps: readonly AppStatus[];
  readonly edge: EdgeStatus | null;
  /** The last state changes in the operator's words, newest last, at most 50. */
  readonly events: readonly StackEvent[];
}

export interface StackEvent {
  readonly at: string;
  readonly level: "info" | "warn" | "error";
  /** Who it is about: a process, worker or app name. */
  readonly source: string;
  readonly text: string;
}
