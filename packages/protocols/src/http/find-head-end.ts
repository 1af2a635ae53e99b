/**
 * Where a head ends, over text that may still be growing. What can never become a valid head is
 * seen at once, so that the peer gets its answer now and not after a timeout.
 */
import { type HeadLimits, maxTargetBytes } from "./request-head.ts";

/**
 * Finds the end of the head that starts at `start`.
 *
 * @param from where to begin to look: `start`, or, when more text has arrived since, the length the
 *   text had then (the function steps back over a terminator that was cut in two)
 * @returns the offset after the empty line; 0 when more bytes are needed; or the status to refuse
 *   with, negated: -400, -414, -431
 */
export function findHeadEnd(
  text: string,
  start: number,
  from: number,
  limits: Pick<HeadLimits, "headerBytes">,
): number {
  const search = from - 3 > start ? from - 3 : start;
  const at = text.indexOf("\r\n\r\n", search);
  if (at >= 0) return at + 4 - start > limits.headerBytes ? tooLarge(text, start) : at + 4;
  if (text.length - start >= limits.headerBytes) return tooLarge(text, start);
  const first = text.charCodeAt(start);
  // Not HTTP at all (a TLS hello, say): neither the start of a method nor an empty line before it.
  if (first < 33 && first !== 13) return -400;
  for (let lf = text.indexOf("\n", search); lf >= 0; lf = text.indexOf("\n", lf + 1)) {
    if (lf === start || text.charCodeAt(lf - 1) !== 13) return -400;
  }
  return 0;
}

function tooLarge(text: string, start: number): number {
  const line = text.indexOf("\n", start);
  return line < 0 || line - start > maxTargetBytes + 64 ? -414 : -431;
}
