/** What the main thread tells the serving threads of an upstream. */
import type { UpstreamPlan, UpstreamServerPlan } from "@stack/config";

/** One address that is asked: of a name with several addresses each is a server of its own. */
export interface SharedServer {
  /** Its words in the upstream's `ServerMemory`. */
  readonly place: number;
  /** As `parseAddress` reads it; with a name in it where that was not resolved yet. */
  readonly address: string;
  readonly weight: number;
  readonly isBackup: boolean;
  /** Requests at once; 0 for as many as come. */
  readonly limit: number;
}

export interface SharedUpstream {
  /** Small and never used again: names the upstream in wakes. */
  readonly id: number;
  readonly name: string;
  readonly memory: SharedArrayBuffer;
  /** See `createAppQueue`. */
  readonly queue: SharedArrayBuffer;
  readonly servers: readonly SharedServer[];
}

/** A server of the plan, whether it was written as text or in full. */
export function serverPlanOf(written: UpstreamPlan["servers"][number]): UpstreamServerPlan {
  if (typeof written !== "string") return written;
  return { address: written, weight: 1, backup: false, maxInFlight: null };
}

/** Wakes are told apart from those of apps by their sign. */
export function wakeIdOf(upstream: number): number {
  return -1 - upstream;
}
