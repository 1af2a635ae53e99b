/**
 * Where the head of a CGI answer ends, over text that may still be growing. Lines end in CRLF or LF
 * (RFC 3875 §6.3.4, §7.2): the writer is local, and most of them print "\n".
 */
import type { HeadLimits } from "../http/request-head.ts";

/**
 * Finds the end of the head that starts at `start`.
 *
 * @param from where to begin to look: `start`, or, when more text has arrived since, the length the
 *   text had then
 * @returns the offset after the empty line; 0 when more bytes are needed; -502 when it is too long
 */
export function findCgiHeadEnd(
  text: string,
  start: number,
  from: number,
  limits: Pick<HeadLimits, "headerBytes">,
): number {
  const last = start + limits.headerBytes;
  let at = text.indexOf("\n", from - 2 > start ? from - 2 : start);
  for (; at >= 0 && at < last; at = text.indexOf("\n", at + 1)) {
    const isEmpty = at === start || (at === start + 1 && text.charCodeAt(start) === 13);
    const next = text.charCodeAt(at + 1);
    const after = isEmpty ? at + 1 : next === 10 ? at + 2 : followsCrLf(text, at) ? at + 3 : 0;
    if (after > 0) return after > last ? -502 : after;
  }
  return text.length - start >= limits.headerBytes ? -502 : 0;
}

function followsCrLf(text: string, at: number): boolean {
  return text.charCodeAt(at + 1) === 13 && text.charCodeAt(at + 2) === 10;
}
