/**
 * Whether something outside is asked at all. After some failures in a row it is left alone for a
 * while, longer each time, and then tried once: by a probe, never by somebody's request.
 */

const mostFailures = 3;
const firstPauseMs = 250;
const longestPauseMs = 5_000;

export interface Circuit {
  readonly isClosed: () => boolean;
  readonly succeeded: () => void;
  /** True when it is time to open it. */
  readonly failed: () => boolean;
  /** True when it was closed. */
  readonly open: () => boolean;
  /** The probe went well. */
  readonly close: () => void;
  /** How long to wait before the next probe; grows with each asking while it is open. */
  readonly nextPauseMs: () => number;
}

export function createCircuit(): Circuit {
  let closed = true;
  let failures = 0;
  let pauseMs = firstPauseMs;

  return {
    isClosed: () => closed,
    succeeded() {
      failures = 0;
    },
    failed() {
      failures += 1;
      return failures >= mostFailures;
    },
    open() {
      const wasClosed = closed;
      closed = false;
      return wasClosed;
    },
    close() {
      closed = true;
      failures = 0;
      pauseMs = firstPauseMs;
    },
    nextPauseMs() {
      const pause = pauseMs;
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      return pause;
    },
  };
}
