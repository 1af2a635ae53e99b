/**
 * How many requests may be sent a second time: a share of all, and a few per second besides, so that
 * a server in trouble is not buried under repetitions. One per upstream and thread.
 */

export interface RetryBudget {
  /** Every request adds its share. */
  readonly earn: () => void;
  /** Takes one repetition; false when none is left. */
  readonly spend: (nowMs: number) => boolean;
}

/** What was not used is kept for so many seconds at most. */
const keptSeconds = 10;

/**
 * @param share of the requests, from 0 to 1
 * @param perSecond whatever the number of requests
 */
export function createRetryBudget(share: number, perSecond: number, nowMs: number): RetryBudget {
  let earned = 0;
  let allowance = perSecond * keptSeconds;
  let at = nowMs;
  const mostEarned = 100;
  return {
    earn() {
      if (earned < mostEarned) earned += share;
    },
    spend(now) {
      const most = perSecond * keptSeconds;
      allowance = Math.min(most, allowance + ((now - at) / 1_000) * perSecond);
      at = now;
      // 0.2 five times is not quite 1.
      if (earned >= 1 - 1e-9) {
        earned -= 1;
        return true;
      }
      if (allowance < 1) return false;
      allowance -= 1;
      return true;
    },
  };
}
