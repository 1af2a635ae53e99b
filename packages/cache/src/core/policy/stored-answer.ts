/**
 * An answer as it is stored, its directives read once: a hit compares a few numbers. Freshness is
 * kept as points in time, so that nothing is computed anew on a hit (RFC 9111 §4.2).
 */

export interface StoredAnswer {
  readonly kind: "answer";
  readonly status: number;
  readonly reason: string;
  /** `Name: value\r\n` lines, latin-1: what may be stored (RFC 9111 §3.1), with a Date, without Age. */
  readonly fields: string;
  /** When the answer came, in milliseconds since 1970. */
  readonly receivedAt: number;
  /** When it was made at its origin, as far as Date, Age and the delay tell: now - bornAt is its age. */
  readonly bornAt: number;
  /** Fresh before this moment; `bornAt` and earlier for what is stale from the start. */
  readonly freshUntil: number;
  /** no-cache: to be validated on every use (RFC 9111 §5.2.2.4). */
  readonly alwaysValidate: boolean;
  /** must-revalidate, proxy-revalidate, no-cache, and s-maxage without a stale-*: never served stale. */
  readonly neverStale: boolean;
  /** The answer's own; -1 where it names none. */
  readonly staleWhileRevalidateMs: number;
  /** The answer's own; -1 where it names none. */
  readonly staleIfErrorMs: number;
  /** With its quotes; "" for none. */
  readonly etag: string;
  /** As received; "" for none. */
  readonly lastModified: string;
  /** What If-Modified-Since is compared with: Last-Modified, else Date, else `receivedAt` (RFC 9111 §4.3.2). */
  readonly modifiedAt: number;
  /** The names of Vary, in lower case and sorted; empty for none. */
  readonly vary: readonly string[];
  /** What the request it answered said of them (`selectingValue`). */
  readonly selectedBy: readonly string[];
  /** Of Cache-Tag. */
  readonly tags: readonly string[];
  /** Of the app that made it; "" where unknown. */
  readonly release: string;
}

/**
 * What stands under a key whose answers vary: where to look for the one that suits a request. The
 * id is part of the variants' keys, so that nothing of before an invalidation is found after it.
 */
export interface VariantIndex {
  readonly kind: "variants";
  readonly vary: readonly string[];
  readonly id: string;
}

export type Stored = StoredAnswer | VariantIndex;

/** The Age to send, in whole seconds (RFC 9111 §4.2.3). */
export function ageSeconds(answer: StoredAnswer, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - answer.bornAt) / 1000));
}
