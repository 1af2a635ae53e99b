/** What the main thread of an edge and its serving threads tell each other, over message ports. */
import type { ErrorReport } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import type {
  GoneAnswer,
  Maintenance,
  RequestFacts,
  RunningRequest,
  WorkerRecord,
} from "@stack/control";
import type { SharedCache } from "./cache/shared-cache.ts";
import type { SharedCounters } from "./shared-counters.ts";
import type { SharedServer, SharedUpstream } from "./upstream/shared-upstream.ts";

/** The parts of an app that all threads share. */
export interface SharedApp {
  /** Small and never used again: names the app in wakes. */
  readonly id: number;
  readonly name: string;
  readonly queue: SharedArrayBuffer;
  readonly metricsSlot: number;
}

/** A certificate with its chain and its key, as PEM. */
export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
  /** DNS names, for SNI. */
  readonly names: readonly string[];
}

/** What a listener's TLS needs besides its plan: read by the main thread, the same in all threads. */
export interface TlsMaterial {
  /** Position in the list of listeners. */
  readonly listener: number;
  readonly certificates: readonly TlsCertificate[];
  readonly clientCa: string | null;
  /** Sessions are resumed only under the same; at most 32 characters. */
  readonly policy: string;
  /** 48 bytes. */
  readonly ticketKey: Uint8Array;
}

export type MainToThread =
  /** Before a plan as well: holds for every plan until the next. */
  | {
      readonly type: "maintenance";
      readonly serial: number;
      readonly maintenance: Maintenance | null;
    }
  /** Serve by this plan from now on; the first one begins to listen. */
  | {
      readonly type: "plan";
      readonly plan: EdgePlan;
      readonly apps: readonly SharedApp[];
      readonly upstreams: readonly SharedUpstream[];
      /** By the route's position: where it is counted. */
      readonly routeSlots: readonly number[];
      /** Null where no route keeps answers. */
      readonly cache: SharedCache | null;
      /** Of the listeners with TLS. */
      readonly tls: readonly TlsMaterial[];
    }
  /** Before the plan that says so: a `MessagePort` to the thread that owns the embedded store. */
  | { readonly type: "cache-store"; readonly id: number; readonly port: unknown }
  /** Certificates or ticket keys have changed: for connections from now on. */
  | { readonly type: "tls"; readonly tls: readonly TlsMaterial[] }
  | {
      readonly type: "worker-up";
      readonly serial: number;
      readonly app: SharedApp;
      readonly record: WorkerRecord;
      readonly slots: SharedArrayBuffer;
    }
  /** Its state says `draining` already: close what is idle. */
  | { readonly type: "worker-drain"; readonly serial: number }
  /** It is dead: what it had is lost, or gets this answer. */
  | { readonly type: "worker-gone"; readonly serial: number; readonly answer?: GoneAnswer }
  /** A thread ended within a request to it: ask it anew whether it is free. */
  | { readonly type: "worker-distrust"; readonly serial: number }
  /** The names of an upstream have other addresses now. */
  | {
      readonly type: "upstream-servers";
      readonly id: number;
      readonly servers: readonly SharedServer[];
    }
  | { readonly type: "list-requests"; readonly id: number }
  /** Nothing new comes. Tunnels, which end by nothing else, are cut after so long. */
  | { readonly type: "drain"; readonly tunnelsMs: number };

export type ThreadToMain =
  | { readonly type: "maintenance-set"; readonly serial: number }
  | { readonly type: "serving" }
  | { readonly type: "requests"; readonly id: number; readonly requests: readonly RunningRequest[] }
  | { readonly type: "plan-failed"; readonly error: ErrorReport }
  /** A slot of a worker that takes no more has been released. */
  | { readonly type: "worker-idle"; readonly serial: number }
  | { readonly type: "worker-closed"; readonly serial: number }
  | {
      readonly type: "worker-stuck";
      readonly serial: number;
      readonly request: RequestFacts;
      readonly ageMs: number;
    }
  /** A server of an upstream could not be reached. */
  | { readonly type: "upstream-unreached"; readonly id: number; readonly server: string }
  /** All connections are closed, the access log is written. */
  | { readonly type: "drained" };

/**
 * Between threads: a slot of this app is free for your oldest request. Below 0 it is an upstream
 * (`wakeIdOf`).
 */
export interface Wake {
  readonly app: number;
  /** Who sent it cannot use the slot: take it out of turn. */
  readonly passed: boolean;
}

export interface ListenerOption {
  readonly name: string;
  /** As `parseAddress` reads it. */
  readonly address: string;
}

/** `workerData` of a thread. Ports to the other threads come with it, in `ports`, by index. */
export interface ThreadOptions {
  readonly index: number;
  readonly threads: number;
  readonly listeners: readonly ListenerOption[];
  /** One descriptor per listener. */
  readonly descriptors: readonly number[];
  readonly metrics: SharedArrayBuffer;
  readonly budget: SharedArrayBuffer;
  readonly budgetBytes: number;
  readonly connections: SharedArrayBuffer;
  readonly counters: SharedCounters;
  /** What `probeAdoption` found. */
  readonly inPlace: boolean;
}
