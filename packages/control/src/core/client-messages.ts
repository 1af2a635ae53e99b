/**
 * CLI and dashboard ↔ stackd, over `control.sock`, as JSON lines. The client says hello first; then
 * each request has an id and gets exactly one reply; a long operation may send progress before it.
 */
import type { ErrorReport } from "@stack/base";
import type { CacheOrder } from "./cache-messages.ts";
import type { Maintenance } from "./peer-messages.ts";
import type { StackEvent, StatusData } from "./status.ts";

export type ClientRequest =
  | { readonly op: "status" }
  /** Replies with `RunningRequest[]`, the oldest first. */
  | { readonly op: "requests" }
  /** Replies when all is ready (`ok`) or a service has given up or timed out (its error). */
  | { readonly op: "wait-ready" }
  /** From now on `snapshot` messages arrive: at once, then on changes, at least every second. */
  | { readonly op: "watch" }
  /** This connection owns the stack: when it closes without `disown`, stackd drains and stops all. */
  | { readonly op: "own" }
  | { readonly op: "disown" }
  | { readonly op: "down"; readonly now: boolean }
  /**
   * A changed config, and the apps and programs of these names; no names: all apps. Only "config":
   * no names are no apps. Only "code": the names, by the config that is in use.
   */
  | {
      readonly op: "reload";
      readonly names: readonly string[];
      readonly only?: "config" | "code";
      /** The new code gets this share of the requests first, above 0, at most 1. */
      readonly canary?: number;
    }
  | { readonly op: "restart"; readonly names: readonly string[] }
  | { readonly op: "start"; readonly names: readonly string[] }
  | { readonly op: "stop"; readonly names: readonly string[] }
  /** Null: as many as the config says again. */
  | { readonly op: "scale"; readonly name: string; readonly workers: number | null }
  /** Answered with a `CacheAnswer`. */
  | { readonly op: "cache"; readonly order: CacheOrder }
  /** Null ends it. */
  | { readonly op: "maintenance"; readonly change: MaintenanceChange | null };

/** What an operator says of it; stackd adds when. */
export type MaintenanceChange = Pick<Maintenance, "mode" | "retryAfterS" | "page" | "holdMs">;

export interface ClientRequestMessage {
  readonly type: "request";
  readonly id: number;
  readonly request: ClientRequest;
}

export type ClientReply =
  | { readonly type: "reply"; readonly id: number; readonly ok: true; readonly data: unknown }
  | {
      readonly type: "reply";
      readonly id: number;
      readonly ok: false;
      readonly error: ErrorReport;
    };

export type ServerPush =
  | ClientReply
  | { readonly type: "snapshot"; readonly status: StatusData }
  /** Progress and state changes, as they happen; sent to watchers. */
  | { readonly type: "event"; readonly event: StackEvent };
