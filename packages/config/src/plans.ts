/**
 * What the rest of the stack reads: a config with every path absolute and every choice made, and
 * the parts of it that go to the edge and to each app's arbiters. Plain JSON, so it can cross
 * between processes; `@stack/control` carries plans as they are.
 */
import type { ConfigPlace, SocketAddress } from "@stack/base";
import type { CachePlan, RouteCachePlan } from "./cache-plan.ts";
import type { ListenerPlan } from "./listener-plan.ts";
import type { UpstreamPlan } from "./upstream-plan.ts";

export interface ResolvedConfig {
  readonly name: string;
  /** Absolute path of deploy.config.ts, and its folder. */
  readonly file: string;
  readonly folder: string;
  readonly edge: EdgeSettings;
  readonly apps: Readonly<Record<string, AppPlan>>;
  readonly programs: Readonly<Record<string, ProgramPlan>>;
  readonly redis: RedisPlan;
  readonly smoke: readonly SmokeCheck[];
  /** Where each key was written, by config path ("edge.listen[0]"), for errors found later. */
  readonly places: Readonly<Record<string, ConfigPlace>>;
}

export interface EdgeSettings {
  /** In the order of `edge.listen`; the name is its config path, "edge.listen[0]". */
  readonly listeners: readonly ListenerAddress[];
  readonly threads: number;
  /** Who it runs as; absent: whoever runs the stack. */
  readonly user?: UserPlan;
  readonly plan: EdgePlan;
}

interface ListenerAddress {
  readonly name: string;
  readonly address: SocketAddress;
  /** Of a Unix socket's file, where one was asked for. */
  readonly socketMode?: number;
}

/** All an edge needs to serve; replaced as a whole by a reload. */
export interface EdgePlan {
  /** In the order of the listeners; absent when all of them are plain HTTP. */
  readonly listeners?: readonly ListenerPlan[];
  readonly trustedProxies: readonly string[];
  readonly limits: {
    readonly headerBytes: number;
    readonly headerCount: number;
    readonly bodyBytes: number;
    readonly bufferBytes: number;
    readonly connections: number;
    /** From one address (IPv6: one /64); absent for no bound of its own. */
    readonly connectionsPerAddress?: number | undefined;
    /** Least bytes per second, on average; absent or 0 for none. */
    readonly bodyRate?: number;
    readonly readRate?: number;
    /** On disk, over all requests and answers; absent or 0 for none. */
    readonly spillBytes?: number;
  };
  /** Absolute; for files without a name. */
  readonly spillFolder?: string;
  readonly timeoutsMs: {
    readonly header: number;
    readonly body: number;
    readonly idle: number;
    readonly connect: number;
    readonly firstByte: number;
    /** Of a tunnel, without a byte in either direction. */
    readonly tunnel?: number;
  };
  /** Absolute path. */
  readonly accessLog: AccessLogPlan | null;
  /** Absent: none of it. */
  readonly tracing?: TracingPlan;
  /** Absent or null: nothing is compressed on its way. */
  readonly compression?: CompressionPlan | null;
  /** Absolute files by "404", "4xx", "5xx"; absent or empty: our own pages. */
  readonly errorPages?: Readonly<Record<string, string>>;
  /** Where metrics are served; absent or null for nowhere. */
  readonly admin?: AdminPlan | null;
  /** Absent: no route keeps answers. */
  readonly cache?: CachePlan;
  readonly routes: readonly RoutePlan[];
  readonly upstreams: Readonly<Record<string, UpstreamPlan>>;
  readonly apps: Readonly<Record<string, EdgeAppPlan>>;
}

export interface EdgeAppPlan {
  readonly timeoutMs: number;
  readonly queueLimit: number;
  readonly queueTimeoutMs: number;
  /** An operator has stopped it: no worker will come, so nothing waits for one. */
  readonly stopped?: boolean;
  /** HTML with the error of the app's newest code, for its developer: `stack up --watch` only. */
  readonly failurePage?: string;
  /** New code on trial (`reload --canary`): a share of the requests goes to this app instead. */
  readonly canary?: {
    readonly app: string;
    /** Above 0, at most 1. */
    readonly share: number;
    /** Of the cookie that keeps a visitor on one side: another for each trial. */
    readonly salt: string;
  };
}

export interface RoutePlan {
  /** Lower case, "*.example.com" for all names below; null matches every host. */
  readonly host: string | null;
  /** "/x" with exact, or "/x" as the prefix of "/x/*"; "/" for "/*"; with a pattern where it is asked. */
  readonly path: string;
  readonly match: "exact" | "prefix" | "pattern";
  /** Of a RegExp path. */
  readonly pattern?: PathPattern;
  readonly conditions?: RouteConditions;
  readonly stripPrefix: boolean;
  /** Protocols a client may switch its connection to ("websocket"); absent for none. */
  readonly upgrade?: readonly string[];
  readonly action: RouteAction;
  /** Files that are answered with before `action` is asked, for GET and HEAD. */
  readonly files?: { readonly root: string; readonly settings?: StaticSettings };
  /** "deploy.config.ts:14" */
  readonly source: string;
  /** Absent: nothing stands between a request and what answers it. */
  readonly protection?: ProtectionPlan;
  /** The path and query that the app or upstream sees, as a template. */
  readonly rewrite?: string;
  readonly requestHeaders?: HeaderChanges;
  readonly responseHeaders?: HeaderChanges;
  readonly cors?: CorsPlan;
  /** A copy of this part of the requests goes there too; its answers are dropped. */
  readonly mirror?: { readonly target: TargetPlan; readonly share: number };
  /** `EdgePlan.errorPages` take the place of what the app or upstream says. */
  readonly replaceErrors?: true;
  /** Answers whatever `stack maintenance` says. */
  readonly duringMaintenance?: true;
  /** Reached through X-Accel-Redirect and X-Sendfile only. */
  readonly internal?: boolean;
  /** False: not compressed, whatever the plan says. */
  readonly compression?: false;
  /** Absent: no answer is kept. */
  readonly cache?: RouteCachePlan;
}

/** Names and values are checked: no line break, nothing that belongs to the connection. */
export interface HeaderChanges {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export interface CorsPlan {
  readonly origins: "*" | readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly expose: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeS: number;
}

export interface TargetPlan {
  readonly kind: "app" | "upstream";
  readonly name: string;
}

/** A RegExp that V8's linear engine runs (flag "l"). */
export interface PathPattern {
  /** Its flag `i` is resolved into the text. */
  readonly source: string;
  /** As the config has it, for people. */
  readonly written: string;
}

/** All of them must hold. A value is a text to equal, true for present, false for absent. */
export interface RouteConditions {
  /** Empty: any. */
  readonly methods: readonly string[];
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string | boolean])[];
  readonly query: readonly (readonly [name: string, value: string | boolean])[];
  readonly cookies: readonly (readonly [name: string, value: string | boolean])[];
  /** Addresses and networks, any of them; empty: any client. */
  readonly clients: readonly string[];
}

export interface AccessLogPlan {
  readonly file: string;
  readonly format: string;
  /** JSON lines have the times of a request's steps. */
  readonly timings?: boolean;
  readonly rotate?: { readonly bytes: number; readonly keep: number };
}

interface TracingPlan {
  readonly requestId: boolean;
  readonly traceparent: boolean;
  readonly serverTiming: boolean | "trusted";
}

export interface AdminPlan {
  /** Besides the stack's own socket: "unix:/absolute", "127.0.0.1:9100"; null for nowhere else. */
  readonly address: string | null;
  readonly token: string | null;
}

/** Who may come, how often and how fast; see the keys of `edge.routes[]`. */
export interface ProtectionPlan {
  /** Networks; null for everybody. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
  readonly rateLimit: {
    readonly key: RequestKeyPlan;
    readonly count: number;
    readonly periodMs: number;
    readonly burst: number;
    readonly dryRun: boolean;
  } | null;
  readonly inFlight: { readonly key: RequestKeyPlan; readonly limit: number } | null;
  /** Of one answer's body; 0 for no bound. */
  readonly bytesPerSecond: number;
  readonly auth: ForwardAuthPlan | BasicAuthPlan | null;
  readonly security: SecurityPreset | null;
  readonly serverTiming?: boolean;
}

export interface ForwardAuthPlan {
  readonly kind: "app" | "upstream";
  readonly name: string;
  readonly path: string;
  readonly copy: readonly string[];
  readonly timeoutMs: number;
}

export interface BasicAuthPlan {
  readonly kind: "basic";
  /** Absolute. */
  readonly file: string;
  readonly realm: string;
}

export type RequestKeyPlan =
  | { readonly kind: "ip" }
  | { readonly kind: "route" }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "cookie"; readonly name: string };

export type SecurityPreset = "strict" | "same-origin";

export type RouteAction =
  | { readonly kind: "static"; readonly root: string; readonly settings?: StaticSettings }
  | { readonly kind: "app"; readonly app: string }
  | { readonly kind: "upstream"; readonly upstream: string }
  | {
      readonly kind: "respond";
      readonly status: number;
      readonly body: string;
      readonly type: string;
    }
  | { readonly kind: "redirect"; readonly to: string; readonly status: number }
  | {
      readonly kind: "split";
      readonly choices: readonly { readonly target: TargetPlan; readonly weight: number }[];
      readonly sticky: { readonly cookie: string; readonly maxAgeS: number | null } | null;
    };

/** How the files of a route are found and told; see `edge.routes[].static` for each. */
export interface StaticSettings {
  readonly index: readonly string[];
  readonly tryFiles: readonly string[];
  readonly fallback: string | null;
  readonly listing: boolean;
  readonly precompressed: boolean;
  readonly types: Readonly<Record<string, string>>;
  readonly maxAgeMs: number | null;
  readonly immutable: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

export type Encoding = "zstd" | "br" | "gzip";

export interface CompressionPlan {
  /** The preferred first. */
  readonly encodings: readonly Encoding[];
  readonly minBytes: number;
  /** "text/html", "text/*" */
  readonly types: readonly string[];
}

/** When `reload --canary` may decide. */
export interface CanaryPlan {
  readonly requests: number;
  readonly timeMs: number;
  readonly deadlineMs: number;
}

/** Who the processes of an app or a program run as, or the edge. */
export interface UserPlan {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface AppPlanBase {
  readonly name: string;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Absolute; absent for none. */
  readonly envFiles?: readonly string[];
  /** Wins over `envFiles`; in the plan of an arbiter only, where `env` is complete. */
  readonly envOver?: Readonly<Record<string, string>>;
  /** Absent: whoever runs the stack. */
  readonly user?: UserPlan;
  /** The group its sockets are open to, where the edge is somebody else; filled in by who runs it. */
  readonly edgeGroup?: number;
  /** Absent: the stack's own. */
  readonly umask?: number;
  readonly instances: number;
  /** Per instance; with `elastic` the least number. */
  readonly workers: number;
  /** Absent: there are as many as `workers` says. */
  readonly elastic?: ElasticPlan;
  readonly health: string | null;
  readonly timeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Command lines to run before its code serves; absent or empty for none. */
  readonly release?: readonly string[];
  readonly releaseTimeoutMs?: number;
  /** Absent: `requests` 100, a minute, a quarter of an hour. */
  readonly canary?: CanaryPlan;
  readonly queueLimit: number;
  readonly queueTimeoutMs: number;
  /** Absent: a worker lives as long as it works. */
  readonly recycle?: RecyclePlan;
  /** Where the app is written in the config, for errors found while it boots. */
  readonly place: ConfigPlace;
}

/** See `apps.<name>.workers`. */
export interface ElasticPlan {
  readonly max: number;
  readonly waitMs: number;
  readonly calmMs: number;
}

/** When a worker is replaced; what is absent is no reason. */
export interface RecyclePlan {
  readonly requests?: number;
  readonly ageMs?: number;
  /** Of proportional memory: replaced when its requests are done. */
  readonly softBytes?: number;
  /** Killed at once. */
  readonly hardBytes?: number;
}

/** What Python apps of both kinds have. */
interface PythonAppPlan {
  /** "module:callable", "module:factory()", or a file: see `parsePythonTarget`. */
  readonly app: string;
  /** "module:callable" of each, outermost first. */
  readonly middleware?: readonly string[];
  readonly preload: boolean;
  /** Absolute: a Python file of functions called at the turns of a worker's life. */
  readonly hooks?: string;
  /** Absolute folders to import from, after `cwd`. */
  readonly pythonPath?: readonly string[];
  /** Absolute, and seen to exist when the config was resolved; else `pythonTried` says where it was looked for. */
  readonly python: string | null;
  readonly pythonTried: readonly string[];
  /** Requests a worker takes at once; 1 if not said. */
  readonly concurrency?: number;
}

export type AppPlan =
  | (AppPlanBase &
      PythonAppPlan & {
        readonly kind: "wsgi";
        /** "sync" if not said. */
        readonly worker?: "sync" | "threads" | "gevent" | "eventlet";
      })
  | (AppPlanBase & PythonAppPlan & { readonly kind: "asgi" })
  /** `entry` is absolute; `args` are what a script that listens was started with. */
  | (AppPlanBase & {
      readonly kind: "node";
      readonly entry: string;
      readonly args?: readonly string[];
    })
  | (AppPlanBase & {
      readonly kind: "command";
      readonly command: readonly [string, ...string[]];
      /** What a line of its output must contain before it is ready. */
      readonly readyLog?: string;
      /** Where the keeper writes what it says; filled in by who runs it. */
      readonly logs?: string;
    });

export interface ProgramPlan {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Absent: whoever runs the stack. */
  readonly user?: UserPlan;
  readonly restart: "always" | "on-failure" | "never";
  /** Names of apps, programs, or "redis". */
  readonly dependsOn: readonly string[];
  readonly place: ConfigPlace;
}

export type RedisPlan =
  | { readonly kind: "none" }
  | { readonly kind: "url"; readonly url: string }
  /** `server` is the absolute path of redis-server; `memoryBytes` its maxmemory. */
  | { readonly kind: "managed"; readonly server: string; readonly memoryBytes: number };

export interface SmokeCheck {
  readonly path: string;
  readonly host: string | null;
  readonly status: number;
  readonly contains: string | null;
}
