/** What follows when a request to a server of an upstream failed. Pure. */
import { isIdempotent } from "../scheduling/replay.ts";

export type AttemptOutcome = "unreached" | "lost" | "late";

/** What became of one request so far. */
export interface Attempts {
  /** Servers that could not be reached. */
  readonly unreached: number;
  readonly replayed: boolean;
}

export const firstAttempt: Attempts = { unreached: 0, replayed: false };

export type NextStep =
  /** On a server it was not tried on, if there is one. */
  | { readonly kind: "elsewhere"; readonly attempts: Attempts }
  /** The same, at the cost of the retry budget; on a server it was tried on where there is no other. */
  | { readonly kind: "replay"; readonly attempts: Attempts }
  | { readonly kind: "fail"; readonly status: 502 | 504; readonly reason: string };

/** Servers that are tried before it is given up. */
const mostTries = 10;

/**
 * A server that was never reached costs nothing but time: another one gets the request, whatever
 * its method. A request that may have begun to act is repeated once, and only if repeating it is
 * safe and all of it is still there (RFC 9112 §9.3.1).
 *
 * @param isReplayable the whole request can be sent again
 */
export function decideAfter(
  outcome: AttemptOutcome,
  attempts: Attempts,
  method: string,
  isReplayable: boolean,
): NextStep {
  switch (outcome) {
    case "unreached": {
      const unreached = attempts.unreached + 1;
      if (unreached >= mostTries) return unreachable;
      return { kind: "elsewhere", attempts: { ...attempts, unreached } };
    }
    case "lost":
      if (attempts.replayed || !isReplayable || !isIdempotent(method)) return closed;
      return { kind: "replay", attempts: { ...attempts, replayed: true } };
    default:
      return { kind: "fail", status: 504, reason: "the upstream did not answer in time" };
  }
}

/** No server is left to try. */
export const unreachable: NextStep & { readonly kind: "fail" } = {
  kind: "fail",
  status: 502,
  reason: "the upstream could not be reached",
};

export const closed: NextStep & { readonly kind: "fail" } = {
  kind: "fail",
  status: 502,
  reason: "the upstream closed the connection",
};
