/**
 * What the answer to a HEAD tells of the stored answer to a GET (RFC 9111 §4.3.5): it speaks of the
 * same content, and freshens it, or of another, and makes it stale.
 */
import type { CachePolicy } from "./cache-policy.ts";
import type { ExchangeTimes } from "./freshness.ts";
import type { CacheResponse } from "./response-facts.ts";
import { readResponseFacts } from "./response-facts.ts";
import type { StoredAnswer } from "./stored-answer.ts";
import { updateStored } from "./update-stored.ts";

export type HeadDecision =
  | { readonly kind: "unchanged" }
  /** To be kept in place of the stored one. */
  | { readonly kind: "freshened" | "stale"; readonly answer: StoredAnswer };

const unchanged: HeadDecision = { kind: "unchanged" };

/**
 * @param response to the HEAD; its length is what Content-Length says, -1 without one
 * @param length of the stored body in bytes
 */
export function decideHead(
  stored: StoredAnswer,
  response: CacheResponse,
  length: number,
  policy: CachePolicy,
  times: ExchangeTimes,
): HeadDecision {
  if (response.status !== 200) return unchanged;
  if (!isSame(stored, response, length, times))
    return { kind: "stale", answer: aged(stored, times) };
  const updated = updateStored(stored, response, policy, times);
  return updated === undefined
    ? { kind: "stale", answer: aged(stored, times) }
    : { kind: "freshened", answer: updated };
}

/** "matching values for any received validator fields", and the length where it is said. */
function isSame(
  stored: StoredAnswer,
  response: CacheResponse,
  length: number,
  times: ExchangeTimes,
): boolean {
  if (stored.status !== 200 || (response.length >= 0 && response.length !== length)) return false;
  const { etag, lastModified } = readResponseFacts(response.fields, times.receivedAt);
  return (
    (etag === "" || etag === stored.etag) &&
    (lastModified === "" || lastModified === stored.lastModified)
  );
}

function aged(stored: StoredAnswer, { receivedAt }: ExchangeTimes): StoredAnswer {
  return { ...stored, freshUntil: Math.min(stored.freshUntil, receivedAt) };
}
