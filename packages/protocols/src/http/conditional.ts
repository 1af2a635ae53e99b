/**
 * Conditional requests (RFC 9110 §13): entity tags, and the order in which preconditions count.
 * Pure: the caller brings the header values and what it knows of the resource.
 */
import { parseHttpDate } from "./dates.ts";

/** The resource as it is now. */
export interface Representation {
  /** With its quotes, and W/ when weak; undefined when it has none. */
  readonly etag: string | undefined;
  /** Modification time in ms since 1970; undefined when unknown. */
  readonly mtimeMs: number | undefined;
}

/** The request's own words, as `headerValue` returns them. */
export interface Preconditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
}

/** In the order of RFC 9110 §13.2.2; a date that cannot be read is as if it were not there. */
export function evaluatePreconditions(
  method: string,
  preconditions: Preconditions,
  current: Representation,
  nowMs: number,
): "proceed" | 304 | 412 {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = preconditions;
  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, current.etag, strongMatch)) return 412;
  } else if (ifUnmodifiedSince !== undefined) {
    const since = parseHttpDate(ifUnmodifiedSince, nowMs);
    if (since !== undefined && wholeSeconds(current.mtimeMs) > since) return 412;
  }
  const safe = method === "GET" || method === "HEAD";
  if (ifNoneMatch !== undefined) {
    if (listMatches(ifNoneMatch, current.etag, weakMatch)) return safe ? 304 : 412;
  } else if (ifModifiedSince !== undefined && safe) {
    const since = parseHttpDate(ifModifiedSince, nowMs);
    if (since !== undefined && current.mtimeMs !== undefined) {
      if (wholeSeconds(current.mtimeMs) <= since) return 304;
    }
  }
  return "proceed";
}

/**
 * RFC 9110 §13.1.5: whether a Range may be honoured. Tags must be strong; a date must be the same,
 * and a second old, since the file could have changed twice in it (§8.8.2.2).
 */
export function ifRangeHolds(
  ifRange: string | undefined,
  current: Representation,
  nowMs: number,
): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.includes('"')) {
    return current.etag !== undefined && strongMatch(ifRange, current.etag);
  }
  const date = parseHttpDate(ifRange, nowMs);
  return date !== undefined && wholeSeconds(current.mtimeMs) === date && nowMs - date >= 1000;
}

/** Both strong and the same (RFC 9110 §8.8.3.2). */
export function strongMatch(one: string, other: string): boolean {
  return one === other && !one.startsWith("W/");
}

/** The same but for W/ (RFC 9110 §8.8.3.2). */
export function weakMatch(one: string, other: string): boolean {
  return opaque(one) === opaque(other);
}

function opaque(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

function listMatches(
  list: string,
  etag: string | undefined,
  matches: (one: string, other: string) => boolean,
): boolean {
  if (list === "*") return true;
  if (etag === undefined) return false;
  for (const [tag] of list.matchAll(/(?:W\/)?"[^"]*"/g)) if (matches(tag, etag)) return true;
  return false;
}

function wholeSeconds(ms: number | undefined): number {
  return ms === undefined ? Number.POSITIVE_INFINITY : Math.floor(ms / 1000) * 1000;
}
