/**
 * What our own long-lived processes say to each other. All of it is JSON lines over Unix sockets,
 * but for keeper ↔ stackd, which is the IPC channel between that parent and its child.
 */
import type { ErrorReport, SocketAddress } from "@stack/base";
import type { CacheAnswer, CacheOrder } from "./cache-messages.ts";
import type { ServiceState } from "./states.ts";
import type { LastExit, RunningRequest } from "./status.ts";

/** Bumped when a message changes incompatibly; both sides refuse another version. */
export const controlVersion = 1;

/**
 * First line on a connection to `control.sock`: who is calling; of an edge on the socket of its own.
 * Answered by nothing.
 */
export type Hello =
  | { readonly type: "hello"; readonly version: number; readonly role: "client" }
  | {
      readonly type: "hello";
      readonly version: number;
      readonly role: "edge";
      readonly pid: number;
      readonly generation: number;
      /** True when it already serves: a stackd that was restarted adopts it as it is. */
      readonly configured: boolean;
    }
  | {
      readonly type: "hello";
      readonly version: number;
      readonly role: "arbiter";
      readonly pid: number;
      readonly app: string;
      readonly instance: number;
      readonly configured: boolean;
    };

// ── stackd ↔ edge, over run/@edge.sock: `control.sock` is not open to who the edge may run as ────

/**
 * `plan` is `EdgePlan` of @stack/config; `files` is what files of it hold, by their paths, where the edge
 * may not be able to read them.
 */
export type StackdToEdge =
  | {
      readonly type: "configure";
      readonly plan: unknown;
      readonly files?: Readonly<Record<string, string>>;
    }
  /** Some of these have changed: all of them anew. */
  | { readonly type: "files"; readonly files: Readonly<Record<string, string>> }
  /** Null: as the plan says. Holds over plans until the next such message. */
  | {
      readonly type: "maintenance";
      readonly serial: number;
      readonly maintenance: Maintenance | null;
    }
  /** Answered by `cache-answer`. */
  | { readonly type: "cache"; readonly id: number; readonly order: CacheOrder }
  /** What is under way? */
  | { readonly type: "list-requests"; readonly id: number }
  /**
   * Stop accepting, finish what runs within the deadline, then exit 0. Tunnels (WebSockets) last to
   * the deadline where another edge has taken over, else only a moment.
   */
  | { readonly type: "drain"; readonly deadlineMs: number; readonly handedOver?: boolean };

export type EdgeToStackd =
  /** All threads listen with the plan of the last `configure`. */
  | { readonly type: "edge-ready" }
  | { readonly type: "edge-failed"; readonly error: ErrorReport }
  /** All threads do what the last `maintenance` said. */
  | { readonly type: "maintenance-set"; readonly serial: number }
  | { readonly type: "cache-answer"; readonly id: number; readonly answer: CacheAnswer }
  /** Answer to `list-requests`; of very many only some. */
  | {
      readonly type: "requests";
      readonly id: number;
      readonly requests: readonly RunningRequest[];
    }
  /** A thread ended: this generation still serves but should be replaced. */
  | { readonly type: "edge-degraded"; readonly reason: string }
  /** Every second. Counters since the edge started. */
  | { readonly type: "edge-metrics"; readonly metrics: EdgeMetrics };

/** What `stack maintenance` said last: no request reaches an app meanwhile. */
export interface Maintenance {
  /** "on" answers 503; "paused" lets requests wait until it is over. */
  readonly mode: "on" | "paused";
  /** ISO 8601 UTC. */
  readonly since: string;
  readonly retryAfterS: number;
  /** Null: the error page for 503. */
  readonly page: { readonly type: string; readonly body: string } | null;
  /** How long a request may wait at most; null: as long as in the queue of its app. */
  readonly holdMs: number | null;
}

export interface EdgeMetrics {
  readonly connections: number;
  readonly requests: number;
  /** Index 1 is 1xx … 5 is 5xx. */
  readonly answers: readonly number[];
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  readonly apps: Readonly<Record<string, EdgeAppMetrics>>;
  readonly upstreams?: Readonly<Record<string, EdgeUpstreamMetrics>>;
}

export interface EdgeUpstreamMetrics {
  /** Requests that wait because every server has as many as it may. */
  readonly queue: number;
  readonly servers: readonly {
    /** Of a name with several addresses each is a server. */
    readonly address: string;
    /** `crashed`: its health check fails; `degraded`: not asked for a while, after failures. */
    readonly state: "ready" | "degraded" | "crashed";
    readonly requests: number;
    readonly failures: number;
    readonly inFlight: number;
  }[];
}

export interface EdgeAppMetrics {
  readonly requests: number;
  /** Of these, answered with 5xx; absent from an edge of an earlier version. */
  readonly errors?: number;
  readonly queue: number;
  readonly inFlight: number;
  /** Of the last ten seconds; null when there was no request. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  /** Requests answered, by the `key` of the worker. */
  readonly workers: Readonly<Record<string, number>>;
  /** More about each of them, by the same key. */
  readonly loads?: Readonly<Record<string, WorkerLoad>>;
}

// ── stackd ↔ arbiter, over control.sock ─────────────────────────────────────────────────────────

/**
 * `plan` is `AppPlan` of @stack/config, its `env` complete but for STACK_INSTANCE, STACK_WORKER and
 * STACK_RELEASE. Each request is answered by one `done` with its id.
 */
export type StackdToArbiter =
  /** The first plan, or the same generation with another number of workers. */
  | {
      readonly type: "configure";
      readonly id: number;
      readonly plan: unknown;
      readonly release: string;
    }
  /** A new generation beside the old; on failure the old stays and `done` carries the error. */
  | {
      readonly type: "reload";
      readonly id: number;
      readonly plan: unknown;
      readonly release: string;
    }
  /**
   * A new generation beside the old, under the name `APP@canary`; on failure it is discarded and
   * `done` carries the error.
   */
  | {
      readonly type: "canary";
      readonly id: number;
      readonly plan: unknown;
      readonly release: string;
    }
  /** The canary serves under the app's own name as well. */
  | { readonly type: "canary-promote"; readonly id: number }
  /** One of the two generations goes: nothing comes by the canary's name any more. */
  | { readonly type: "canary-settle"; readonly id: number; readonly keep: "new" | "old" }
  /** Drain all workers, stop them, exit 0. */
  | { readonly type: "drain"; readonly id: number; readonly deadlineMs: number };

export type ArbiterToStackd =
  | { readonly type: "done"; readonly id: number; readonly error: ErrorReport | null }
  /** It got a signal from outside, and leaves to stackd what follows; with TERM and QUIT it drains. */
  | { readonly type: "signalled"; readonly signal: ArbiterSignal }
  /** The whole state of the instance, on every change. */
  | { readonly type: "arbiter-state"; readonly state: InstanceState };

/** The signals an arbiter understands. */
export const arbiterSignals = [
  "SIGHUP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGUSR1",
  "SIGTERM",
  "SIGQUIT",
] as const;

export type ArbiterSignal = (typeof arbiterSignals)[number];

export interface InstanceState {
  readonly state: ServiceState;
  /** Why it is not ready, when that is known. */
  readonly error: ErrorReport | null;
  readonly desired: number;
  readonly generation: number;
  readonly release: string;
  readonly workers: readonly InstanceWorker[];
  /** New code on trial; null or absent for none. */
  readonly canary?: {
    readonly generation: number;
    readonly release: string;
    /** Why it is not whole. */
    readonly error: ErrorReport | null;
  } | null;
}

/** What new code on trial is called between arbiters, edges and stackd: it has a queue of its own. */
export function canaryName(app: string): string {
  return `${app}@canary`;
}

export interface InstanceWorker {
  readonly id: string;
  readonly key: string;
  readonly pid: number | null;
  readonly generation: number;
  readonly state: ServiceState;
  readonly restarts: number;
  readonly lastExit: LastExit | null;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
}

// ── edge ↔ arbiter, over run/@edge/edge-G.sock: the arbiter connects to every edge generation it sees

/** One worker that can take requests. */
export interface WorkerRecord {
  /** Unique over all generations and restarts: "shop-1.2@3.17". */
  readonly key: string;
  /** What people see: "shop-1.2". */
  readonly id: string;
  readonly pid: number;
  readonly generation: number;
  /** "worker" is D5; "http" is HTTP/1.1 (Node workers, command apps). */
  readonly protocol: "worker" | "http";
  /** "unix:/path" or "127.0.0.1:8001" */
  readonly address: string;
  /** Requests it takes at once. */
  readonly capacity: number;
  /** It reads nothing while it answers: the next request may be sent before it is free. */
  readonly takesAhead?: boolean;
  /** It takes many exchanges on one connection. */
  readonly sharesConnection?: boolean;
  /** It closes no connection between two requests: one that is kept is as good as a new one. */
  readonly keepsConnections?: boolean;
  /** Of the app it runs, for the access log. */
  readonly release?: string;
}

export type ArbiterToEdge =
  | {
      readonly type: "register";
      readonly version: number;
      readonly app: string;
      readonly instance: number;
      readonly pid: number;
      readonly workers: readonly WorkerRecord[];
    }
  | { readonly type: "worker-up"; readonly worker: WorkerRecord }
  /** Send it nothing more; answered by `worker-drained` when nothing is in flight. */
  | { readonly type: "worker-drain"; readonly key: string }
  /**
   * It is dead or about to be killed: forget it, answer or replay what it had. With `answer` its end
   * is the fault of what it had: that gets this answer and is not tried again.
   */
  | { readonly type: "worker-gone"; readonly key: string; readonly answer?: GoneAnswer };

/** What clients are told of requests that a worker was killed for. */
export interface GoneAnswer {
  readonly status: 502 | 504;
  readonly reason: string;
}

export type EdgeToArbiter =
  | { readonly type: "worker-drained"; readonly key: string }
  /** Every second, of the workers this arbiter has announced. */
  | {
      readonly type: "workers-load";
      readonly workers: Readonly<Record<string, WorkerLoad>>;
      /** Of the whole app at this edge, over the last ten seconds: see `core/elasticity.ts`. */
      readonly waitMs?: number;
    }
  /** A request exceeded the app's timeout: the client has its 504, replace the worker. */
  | {
      readonly type: "worker-stuck";
      readonly key: string;
      readonly request: RequestFacts;
      readonly ageMs: number;
    };

/** A request as it is named to people. */
export interface RequestFacts {
  readonly method: string;
  /** "http://shop.test/cart?id=7"; a long one is cut. */
  readonly url: string;
  /** The address it came from, in the app's eyes. */
  readonly client: string;
}

/** What one edge generation knows of a worker, by its `key`. */
export interface WorkerLoad {
  /** Answered since it came up. */
  readonly requests: number;
  /** Under way now. */
  readonly inFlight?: number;
  /** Of all it takes at once, over about the last ten seconds, from 0 to 1. */
  readonly busyShare?: number;
  /** Answered with 500: what its framework, or the worker for it, makes of an exception. */
  readonly exceptions?: number;
}

// ── keeper ↔ stackd, over Node's IPC channel ────────────────────────────────────────────────────

/** What clients of a listener say first. */
export type SpokenProtocol = "http" | "tls" | "uwsgi" | "fastcgi" | "scgi";

export interface ListenerRecord {
  readonly name: string;
  /** Absent: HTTP. For the fall-back edge, which refuses in the same language. */
  readonly spoken?: SpokenProtocol;
  /** With the real port where 0 was asked for. */
  readonly address: SocketAddress;
}

export interface SpawnRequest {
  /** Chosen by stackd, unique among the living: "edge-3", "shop-1", "jobs". */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Who it runs as; the keeper's own user unless said otherwise. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Names of listeners; each appears `copies` times from descriptor 3 on, in this order. */
  readonly listeners: readonly string[];
  readonly copies: number;
  /** Whose log file it writes to, and the source of its lines; `name` unless said otherwise. */
  readonly log?: string;
  /** Opaque to the keeper, returned to a successor stackd in `welcome`. */
  readonly tag: unknown;
}

export interface ChildRecord {
  readonly name: string;
  readonly pid: number;
  /** Clock ticks since boot from /proc/PID/stat: pid and start time together are an identity. */
  readonly startTime: number;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  readonly tag: unknown;
}

export interface ChildExit {
  readonly seq: number;
  readonly name: string;
  readonly pid: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly at: string;
  readonly tag: unknown;
  /** The last lines it wrote to standard error, at most 20. */
  readonly stderr: readonly string[];
}

export type StackdToKeeper =
  | {
      readonly type: "bind";
      readonly id: number;
      readonly name: string;
      readonly address: SocketAddress;
      /** Of a Unix socket's file; everybody may connect unless told otherwise. */
      readonly mode?: number | undefined;
      readonly spoken?: SpokenProtocol | undefined;
    }
  | { readonly type: "unbind"; readonly id: number; readonly name: string }
  | { readonly type: "spawn"; readonly id: number; readonly spawn: SpawnRequest }
  /** To the child's process group. */
  | { readonly type: "signal"; readonly id: number; readonly name: string; readonly signal: string }
  /** The log files were moved away: open new ones. */
  | { readonly type: "reopen-logs" }
  /** What a worker wrote to standard error since it was asked last: up to 20 lines. */
  | { readonly type: "last-words"; readonly id: number; readonly source: string }
  /** The keeper forgets exits up to and with this one. */
  | { readonly type: "ack-exits"; readonly seq: number }
  /** Whatever a successor needs to know; the last one wins. At most 1 MB. */
  | { readonly type: "remember"; readonly memory: unknown }
  /**
   * The first stackd of a keeper, once: the config is valid and every socket is bound, or why not;
   * with an error the keeper passes it to whoever started it, and ends.
   */
  | { readonly type: "started"; readonly error: ErrorReport | null }
  /** Who the fall-back edge runs as; absent: the keeper's own user. */
  | {
      readonly type: "edge-user";
      readonly user?: { readonly uid: number; readonly gid: number } | undefined;
    }
  /** Whether this edge serves: without any for 5 s the keeper starts its fall-back. */
  | { readonly type: "edge-ready"; readonly name: string; readonly ready: boolean }
  /** All is down: end, removing run/ and control.sock. */
  | { readonly type: "finish" };

export type KeeperToStackd =
  | {
      readonly type: "welcome";
      readonly version: number;
      readonly keeperPid: number;
      readonly startedAt: string;
      readonly children: readonly ChildRecord[];
      readonly exits: readonly ChildExit[];
      readonly listeners: readonly ListenerRecord[];
      readonly memory: unknown;
      /** How many stackds came before. */
      readonly restarts: number;
    }
  | { readonly type: "result"; readonly id: number; readonly ok: true; readonly data: unknown }
  /** `code` is the errno name: EADDRINUSE, EACCES, ENOENT … */
  | {
      readonly type: "result";
      readonly id: number;
      readonly ok: false;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: "exit"; readonly exit: ChildExit }
  /** The config as who started the keeper has evaluated it; null when stackd is to do so itself. */
  | { readonly type: "config"; readonly config: unknown }
  /** The keeper was told to end: drain and stop everything, then say `finish`. */
  | { readonly type: "terminate"; readonly now: boolean };
