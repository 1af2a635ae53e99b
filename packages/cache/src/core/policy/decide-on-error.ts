/** Whether a stale answer stands in for an app that fails (RFC 5861 §4, RFC 9111 §4.2.4). */
import type { CachePolicy } from "./cache-policy.ts";
import { staleIfErrorOf } from "./decide-store.ts";
import type { StoredAnswer } from "./stored-answer.ts";

/** How the app failed: with a status, or without a word. */
export type Failure = number | "unreachable";

/**
 * True: serve what is stored; a client never sees the failure.
 *
 * @param appIsDown the supervisor says that the app cannot answer now
 */
export function decideOnError(
  answer: StoredAnswer,
  failure: Failure,
  nowMs: number,
  policy: CachePolicy,
  appIsDown: boolean,
): boolean {
  if (answer.alwaysValidate || !isFailure(failure)) return false;
  const staleMs = nowMs - answer.freshUntil;
  if (staleMs < 0) return true; // it was asked for afresh, and is not stale at all
  if (answer.neverStale) return false;
  const windowMs = Math.max(
    staleIfErrorOf(answer, policy),
    appIsDown ? policy.staleWhileDownMs : 0,
  );
  return staleMs < windowMs;
}

/** RFC 5861 §4 names these; any other status is the app's answer. */
function isFailure(failure: Failure): boolean {
  return failure === "unreachable" || failure === 500 || (failure >= 502 && failure <= 504);
}
