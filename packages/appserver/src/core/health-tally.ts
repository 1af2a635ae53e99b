/**
 * What a series of health checks says about a worker. A check that is only waiting, because the
 * worker is busy with somebody's request, is no failure until it has waited as long as a request
 * may take.
 */

export type HealthAnswer =
  | { readonly kind: "status"; readonly status: number }
  /** Refused, reset, or ended without an answer; `reason` is in words. */
  | { readonly kind: "broken"; readonly reason: string }
  /** No answer for as long as a request may take. */
  | { readonly kind: "silent"; readonly waitedMs: number };

export interface HealthTally {
  readonly failures: number;
}

export type HealthVerdict = "healthy" | "suspect" | "unhealthy";

/** Failures in a row after which a worker is replaced. */
const failuresBeforeReplacement = 3;

/** 200 to 399, as the config's reference promises. */
export function isHealthy(answer: HealthAnswer): boolean {
  return answer.kind === "status" && answer.status >= 200 && answer.status <= 399;
}

/** Counts one answer in; a silent worker is replaced without waiting for two more silences. */
export function tallyHealth(
  tally: HealthTally,
  answer: HealthAnswer,
): { readonly tally: HealthTally; readonly verdict: HealthVerdict } {
  if (isHealthy(answer)) return { tally: { failures: 0 }, verdict: "healthy" };
  const failures = answer.kind === "silent" ? failuresBeforeReplacement : tally.failures + 1;
  const verdict = failures >= failuresBeforeReplacement ? "unhealthy" : "suspect";
  return { tally: { failures }, verdict };
}

/** "answered 500", for exit reasons and errors. */
export function describeHealth(answer: HealthAnswer): string {
  switch (answer.kind) {
    case "status":
      return `answered ${answer.status}`;
    case "broken":
      return answer.reason;
    case "silent":
      return `no answer in ${Math.round(answer.waitedMs / 1000)}s`;
    default:
      return "no answer";
  }
}
