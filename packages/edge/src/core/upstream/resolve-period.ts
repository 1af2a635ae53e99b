/** When a name is to be asked for again. Pure. */

const leastMs = 1_000;
const mostMs = 5 * 60_000;
/** For names that have no time to live: of /etc/hosts, or of a service the system asks. */
export const untimedMs = 10_000;
/** After a failure; doubled up to `untimedMs`. */
const firstRetryMs = 1_000;

/** @param ttlS the shortest of its addresses */
export function decideRefreshMs(ttlS: number): number {
  return Math.min(Math.max(ttlS * 1_000, leastMs), mostMs);
}

/** @param failures in a row, from 1 */
export function decideRetryMs(failures: number): number {
  return Math.min(firstRetryMs * 2 ** Math.min(failures - 1, 10), untimedMs);
}
