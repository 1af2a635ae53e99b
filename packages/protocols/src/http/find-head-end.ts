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
  const { headerBytes } = limits;
  if (at >= 0 && at + 4 - start <= headerBytes) return at + 4;
  const first = text.charCodeAt(start);
  // Not HTTP at all (a TLS hello, say): neither the start of a method nor an empty line before it.
  if (first < 33 && first !== 13) return -400;
  const end = Math.min(text.length, start + headerBytes);
  if (hasBareLineFeed(text, start, search, end)) return -400;
  if (at < 0 && text.length - start < headerBytes) return 0;
  const line = text.indexOf("\n", start);
  const length = line < 0 ? text.length - start : line - start;
  return length >= headerBytes || length > maxTargetBytes + 64 ? -414 : -431;
}

/** Whether a line between `from` and `end` ends in LF alone; `start` is where the head begins. */
export function hasBareLineFeed(text: string, start: number, from: number, end: number): boolean {
  let at = text.indexOf("\n", from);
  for (; at >= 0 && at < end; at = text.indexOf("\n", at + 1)) {
    if (at === start || text.charCodeAt(at - 1) !== 13) return true;
  }
  return false;
}
