/**
 * What one HTTP/2 connection may do besides asking for things: resets (CVE-2023-44487), PINGs and
 * SETTINGS cost us more than their sender. Counted in windows; who exceeds a bound is told
 * ENHANCE_YOUR_CALM and let go.
 */

export const floodBounds = {
  /** A browser that leaves a page resets what was under way: at most all streams, a few times. */
  resets: 300,
  pings: 200,
  settings: 50,
  /** Requests that are malformed: nothing is made of one but a reset, so they cost what those of the client do. */
  malformed: 300,
  /** Frames that ask for next to nothing: no client needs this many of them. */
  idle: 10_000,
} as const;

export type FloodKind = keyof typeof floodBounds;

export interface FloodGuard {
  /** True: this one was too many. */
  readonly count: (kind: FloodKind, nowMs: number) => boolean;
}

const windowMs = 10_000;

export function createFloodGuard(): FloodGuard {
  const counts: Record<FloodKind, number> = {
    resets: 0,
    pings: 0,
    settings: 0,
    malformed: 0,
    idle: 0,
  };
  let windowEnd = 0;
  return {
    count(kind, nowMs) {
      if (nowMs >= windowEnd) {
        windowEnd = nowMs + windowMs;
        for (const one of Object.keys(counts) as FloodKind[]) counts[one] = 0;
      }
      counts[kind] += 1;
      return counts[kind] > floodBounds[kind];
    },
  };
}
