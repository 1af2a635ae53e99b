/**
 * Latency in logarithmic buckets: eight per power of two of microseconds, so a quantile is off by at
 * most 12.5 %, from 1 µs to 18 minutes in 232 counters. Pure arithmetic over an array of the
 * caller's; `metrics.ts` lays it out in shared memory.
 */

const subBits = 3;
const subBuckets = 1 << subBits;
const highestMicros = 2 ** 30 - 1;

/** Counters of one histogram. */
export const bucketCount = (30 - subBits + 1) * subBuckets + subBuckets;

/** Bucket of a duration in milliseconds; what is too long, negative or NaN falls into an end one. */
export function bucketOf(durationMs: number): number {
  const micros = durationMs * 1000;
  if (!(micros >= 1)) return 0;
  const value = micros >= highestMicros ? highestMicros : micros | 0;
  if (value < subBuckets) return value;
  const octave = 31 - Math.clz32(value);
  const shift = octave - subBits;
  return (shift + 1) * subBuckets + ((value >>> shift) & (subBuckets - 1));
}

/** The middle of a bucket, in milliseconds. */
export function bucketMiddleMs(bucket: number): number {
  if (bucket < subBuckets) return bucket / 1000;
  const shift = Math.floor(bucket / subBuckets) - 1;
  const low = (subBuckets + (bucket % subBuckets)) * 2 ** shift;
  return (low + (2 ** shift - 1) / 2) / 1000;
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Quantiles in milliseconds (nearest rank); null when nothing was counted. */
export function quantilesOf(counts: ArrayLike<number>): Quantiles | null {
  let total = 0;
  for (let bucket = 0; bucket < bucketCount; bucket += 1) total += counts[bucket] ?? 0;
  if (total === 0) return null;
  return {
    p50: quantile(counts, total, 0.5),
    p95: quantile(counts, total, 0.95),
    p99: quantile(counts, total, 0.99),
  };
}

function quantile(counts: ArrayLike<number>, total: number, share: number): number {
  const rank = Math.ceil(total * share);
  let seen = 0;
  for (let bucket = 0; bucket < bucketCount; bucket += 1) {
    seen += counts[bucket] ?? 0;
    if (seen >= rank) return bucketMiddleMs(bucket);
  }
  return bucketMiddleMs(bucketCount - 1);
}
