/**
 * `reload --canary`: what becomes of new code that has got a share of the requests. Pure: the same
 * numbers, the same verdict.
 */
import type { CanaryPlan } from "@stack/config";

/** What one side has done since the canary began. */
export interface CanarySide {
  readonly requests: number;
  /** Answered with 5xx, by the app or for it. */
  readonly errors: number;
  /** The median of the p95 of each second; null when there was no request. */
  readonly p95Ms: number | null;
}

export interface CanaryTally {
  readonly elapsedMs: number;
  readonly old: CanarySide;
  readonly fresh: CanarySide;
  /** Why it is not whole: its workers fail. */
  readonly failure: string | null;
}

export type CanaryVerdict =
  | { readonly kind: "go-on" }
  | { readonly kind: "promote"; readonly reason: string }
  | { readonly kind: "take-back"; readonly reason: string };

/** Errors that may be chance do not end a canary early; so many, and so unlikely a difference, do. */
const earlyErrors = 5;
const earlyZ = 2.33; // 1 in 100
const finalZ = 1.64; // 1 in 20
/** Of all requests: a smaller difference is nobody's concern. */
const leastDifference = 0.01;
/** The new may be this much slower, and this much more. */
const latencyFactor = 1.5;
const latencyMs = 20;

export function decideCanary(policy: CanaryPlan, tally: CanaryTally): CanaryVerdict {
  const { old, fresh, elapsedMs, failure } = tally;
  if (failure !== null) return { kind: "take-back", reason: failure };
  if (fresh.errors >= earlyErrors && failsMore(old, fresh, earlyZ)) return tooManyErrors(tally);
  const isEnough = fresh.requests >= policy.requests && elapsedMs >= policy.timeMs;
  if (!isEnough) {
    if (elapsedMs < policy.deadlineMs) return { kind: "go-on" };
    const reason = `only ${fresh.requests} of ${policy.requests} requests came in ${policy.deadlineMs / 1000}s: too few to tell`;
    return { kind: "take-back", reason };
  }
  if (failsMore(old, fresh, finalZ)) return tooManyErrors(tally);
  if (isSlower(old, fresh)) {
    const reason = `it is slower: p95 ${describeMs(fresh)}, the old ${describeMs(old)}`;
    return { kind: "take-back", reason };
  }
  const reason = `${describeErrors(fresh)}, p95 ${describeMs(fresh)}; the old: ${describeErrors(old)}, p95 ${describeMs(old)}`;
  return { kind: "promote", reason };
}

function tooManyErrors({ old, fresh }: CanaryTally): CanaryVerdict {
  const reason = `${describeErrors(fresh)}; the old: ${describeErrors(old)}`;
  return { kind: "take-back", reason };
}

/** One-sided test of two proportions: could this difference be chance? */
function failsMore(old: CanarySide, fresh: CanarySide, z: number): boolean {
  if (fresh.requests === 0) return false;
  const oldRate = old.requests === 0 ? 0 : old.errors / old.requests;
  const difference = fresh.errors / fresh.requests - oldRate;
  if (difference <= leastDifference) return false;
  if (old.requests === 0) return true;
  const all = (old.errors + fresh.errors) / (old.requests + fresh.requests);
  const spread = Math.sqrt(all * (1 - all) * (1 / old.requests + 1 / fresh.requests));
  return spread === 0 ? true : difference / spread >= z;
}

function isSlower(old: CanarySide, fresh: CanarySide): boolean {
  if (old.p95Ms === null || fresh.p95Ms === null) return false;
  return fresh.p95Ms > old.p95Ms * latencyFactor + latencyMs;
}

function describeErrors({ requests, errors }: CanarySide): string {
  return `${errors} errors in ${requests} requests`;
}

function describeMs({ p95Ms }: CanarySide): string {
  return p95Ms === null ? "unknown" : `${Math.round(p95Ms * 10) / 10} ms`;
}
