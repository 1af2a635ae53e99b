/** How long to wait before a process that failed is started again. */

export interface BackoffPolicy {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const defaultBackoff: BackoffPolicy = { firstMs: 200, maxMs: 30_000 };

/**
 * Doubles with each failure up to a cap; the jitter takes off up to a quarter, so that services
 * that fell together do not return together.
 *
 * @param failures in a row, from 1
 * @param random from 0 to 1
 */
export function decideBackoff(policy: BackoffPolicy, failures: number, random: number): number {
  const full = Math.min(policy.firstMs * 2 ** Math.max(0, failures - 1), policy.maxMs);
  return Math.round(full * (1 - random / 4));
}
