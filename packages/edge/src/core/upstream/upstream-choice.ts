/**
 * Which server of an upstream gets a request, and what follows when it failed there. Pure; the
 * servers are numbers.
 */
import { isIdempotent } from "../scheduling/replay.ts";

export type AttemptOutcome = "unreached" | "lost" | "late";

/** One request so far. */
export interface Attempts {
  /** The server tried last. */
  readonly server: number;
  /** Servers that could not be reached. */
  readonly unreached: number;
  readonly replayed: boolean;
}

export type NextStep =
  | { readonly kind: "try"; readonly attempts: Attempts; readonly onFreshConnection: boolean }
  | { readonly kind: "fail"; readonly status: 502 | 504; readonly reason: string };

/**
 * A server that was never reached costs nothing but time: the next one gets the request, whatever
 * its method. A request that may have begun to act is repeated once, and only if repeating it is
 * safe and all of it is still there (RFC 9112 §9.3.1).
 *
 * @param isReplayable the whole request can be sent again
 */
export function decideAfter(
  outcome: AttemptOutcome,
  attempts: Attempts,
  servers: number,
  method: string,
  isReplayable: boolean,
): NextStep {
  const server = (attempts.server + 1) % servers;
  switch (outcome) {
    case "unreached": {
      const unreached = attempts.unreached + 1;
      if (unreached >= servers) {
        return { kind: "fail", status: 502, reason: "the upstream could not be reached" };
      }
      return {
        kind: "try",
        attempts: { ...attempts, server, unreached },
        onFreshConnection: false,
      };
    }
    case "lost":
      if (attempts.replayed || !isReplayable || !isIdempotent(method)) {
        return { kind: "fail", status: 502, reason: "the upstream closed the connection" };
      }
      return {
        kind: "try",
        attempts: { ...attempts, server, replayed: true },
        onFreshConnection: true,
      };
    default:
      return { kind: "fail", status: 504, reason: "the upstream did not answer in time" };
  }
}
