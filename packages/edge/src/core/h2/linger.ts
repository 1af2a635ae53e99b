/**
 * How long a connection stays after the last that was said on it. A client that is still reading that has
 * not seen its end; and when the socket is closed on one that still sends, as each does that makes room for
 * what it reads, the kernel throws away what it has not read (RFC 9112 §9.6 of HTTP/1.1).
 */

/** For what is on its way, and again with whatever comes … */
export const lingerMs = 2_000;
/** … up to this long after all has left. */
const longestLingerMs = 15_000;

export interface Linger {
  /** The client has sent something. */
  readonly hear: () => void;
  /**
   * Whether it may be closed; asked from time to time.
   *
   * @param unsent bytes that the kernel has not taken
   * @param taken bytes that it has
   */
  readonly isDone: (now: number, unsent: number, taken: number) => boolean;
}

/**
 * @param stallMs how long a client may read nothing of what is left
 * @param startTaken as `taken`, at the start
 */
export function createLinger(stallMs: number, startMs: number, startTaken: number): Linger {
  let activeAt = startMs;
  /** When all had left, as far as we know. */
  let sentAt = startMs;
  let lastTaken = startTaken;
  let hasHeard = false;
  return {
    hear() {
      hasHeard = true;
    },
    isDone(now, unsent, taken) {
      if (hasHeard || taken !== lastTaken) activeAt = now;
      hasHeard = false;
      lastTaken = taken;
      if (unsent > 0) {
        sentAt = now;
        return now - activeAt >= stallMs;
      }
      return now - activeAt >= lingerMs || now - sentAt >= longestLingerMs;
    },
  };
}
