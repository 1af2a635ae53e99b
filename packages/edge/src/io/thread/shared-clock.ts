/** A clock that is the same in all threads: what to add to `performance.now()`, whose origin is each thread's own. */
import { performance } from "node:perf_hooks";

const tries = 100;
/** A pair of readings closer than this is good enough. */
const goodMs = 0.02;

/** In milliseconds; to a few hundredths of one, however often the thread is interrupted. */
export function measureClockOffset(): number {
  let best = 0;
  let bestGap = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < tries && bestGap > goodMs; attempt += 1) {
    const before = performance.now();
    const shared = Number(process.hrtime.bigint()) / 1e6;
    const gap = performance.now() - before;
    if (gap >= bestGap) continue;
    bestGap = gap;
    best = shared - before;
  }
  return best;
}
