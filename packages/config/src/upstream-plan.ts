/** An entry of `upstreams` as the edge reads it. What is absent has its default. */

export interface UpstreamPlan {
  /** "http" unless given. */
  readonly protocol?: "http" | "uwsgi" | "fastcgi" | "scgi";
  /** Addresses, Unix paths absolute; an object where a server differs from the usual. */
  readonly servers: readonly (string | UpstreamServerPlan)[];
  /** "least-busy" unless given. */
  readonly balance?: UpstreamBalance;
  readonly sticky?: {
    readonly cookie: string;
    readonly secret: string;
    /** null: until the browser is closed. */
    readonly maxAgeMs: number | null;
  };
  readonly slowStartMs?: number;
  /** For requests that find every server at its `maxInFlight`. */
  readonly queueLimit?: number;
  readonly queueTimeoutMs?: number;
  readonly health?: UpstreamHealth;
  /** null: never. */
  readonly eject?: {
    readonly failures: number;
    readonly timeMs: number;
    readonly maxTimeMs: number;
  } | null;
  readonly retries?: { readonly share: number; readonly perSecond: number };
  readonly proxyProtocol?: 1 | 2;
  /** 0: connections are used once. 60 s for HTTP unless given, 0 for FastCGI. */
  readonly keepAliveMs?: number;
  /** Requests that may not be repeated go over kept connections too. */
  readonly reuse?: "always";
  /** Name servers; the system's unless given. */
  readonly resolver?: readonly string[];
  /** FastCGI: scripts are files below `root`, absolute. */
  readonly scripts?: {
    readonly root: string;
    readonly index: string;
    /** The script for paths that name none; undefined: 404. */
    readonly front?: string;
  };
  /** Variables for uwsgi, FastCGI and SCGI. */
  readonly params?: Readonly<Record<string, string>>;
}

export interface UpstreamServerPlan {
  readonly address: string;
  readonly weight: number;
  readonly backup: boolean;
  /** null: as many as come. */
  readonly maxInFlight: number | null;
}

export type UpstreamBalance =
  | "least-busy"
  | "round-robin"
  | "two-choices"
  | "address-hash"
  | { readonly hash: "uri" }
  | { readonly hash: "header" | "cookie"; readonly name: string };

export interface UpstreamHealth {
  readonly path: string;
  readonly host: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** First and last of the statuses that are good. */
  readonly status: readonly [number, number];
  /** null: any body. */
  readonly contains: string | null;
  readonly rise: number;
  readonly fall: number;
}
