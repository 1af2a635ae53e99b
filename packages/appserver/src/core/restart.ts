/**
 * When a worker that ended is started again: at once after a long life, later and later when it
 * keeps ending soon. A slot never gives up; from `crashLoopFailures` on it is said to crash.
 */
import { type BackoffPolicy, decideBackoff } from "@stack/process";

/** A worker that was ready for this long has shown that it works. */
export const stableMs = 5_000;
/** Short lives in a row that are called a crash loop. */
export const crashLoopFailures = 6;

const restartBackoff: BackoffPolicy = { firstMs: 250, maxMs: 30_000 };

export interface RestartHistory {
  /** Short lives in a row. */
  readonly failures: number;
  /** When the first of them ended, in the caller's milliseconds. */
  readonly firstAtMs: number;
}

export const noFailures: RestartHistory = { failures: 0, firstAtMs: 0 };

export interface WorkerEnd {
  readonly atMs: number;
  /** How long it was ready; 0 when it never was. */
  readonly readyMs: number;
  /** We ended it ourselves: a stuck request, failing health, a kill on command. */
  readonly ordered: boolean;
}

export interface RestartDecision {
  readonly history: RestartHistory;
  readonly delayMs: number;
  readonly crashLoop: boolean;
}

/**
 * @param random from 0 to 1, for the jitter
 */
export function decideRestart(
  history: RestartHistory,
  end: WorkerEnd,
  random: number,
): RestartDecision {
  if (end.ordered) return { history, delayMs: 0, crashLoop: history.failures >= crashLoopFailures };
  if (end.readyMs >= stableMs) return { history: noFailures, delayMs: 0, crashLoop: false };
  const failures = history.failures + 1;
  const firstAtMs = history.failures === 0 ? end.atMs : history.firstAtMs;
  // The first is forgiven: what was killed from outside is back at once.
  const quick = failures === 1 && end.readyMs > 0;
  return {
    history: { failures, firstAtMs },
    delayMs: quick ? 0 : delayOf(failures, random),
    crashLoop: failures >= crashLoopFailures,
  };
}

function delayOf(failures: number, random: number): number {
  const counted = failures >= crashLoopFailures ? Number.MAX_SAFE_INTEGER : failures;
  return decideBackoff(restartBackoff, Math.min(counted, 32), random);
}
