/** How a 304 changes a stored answer (RFC 9111 §4.3.3, §4.3.4). */
import { formatHttpDate, strongMatch, weakMatch } from "@stack/protocols";
import type { CachePolicy } from "./cache-policy.ts";
import { createAnswer } from "./decide-store.ts";
import type { Directives } from "./directives.ts";
import { type ExchangeTimes, freshnessOf } from "./freshness.ts";
import { type CacheResponse, type ResponseFacts, readResponseFacts } from "./response-facts.ts";
import type { StoredAnswer } from "./stored-answer.ts";
import { mergeFields, storedFields } from "./stored-fields.ts";

/**
 * The stored answer with the fields and the freshness of a 304; undefined where the 304 speaks of
 * another version than the stored one: what is stored is then of no use.
 */
export function updateStored(
  stored: StoredAnswer,
  response: CacheResponse,
  policy: CachePolicy,
  times: ExchangeTimes,
): StoredAnswer | undefined {
  const update = readResponseFacts(response.fields, times.receivedAt);
  if (!speaksOf(stored, update)) return undefined;
  // A cookie is for whoever asked, unless the route says that it is for all
  const personal = policy.storeSetCookie ? null : setCookie;
  let lines = storedFields(response.fields, update.connectionFields, personal);
  // RFC 9110 §6.6.1; else the old Date would make the answer as old as it was
  if (!update.hasDate) lines += `Date: ${formatHttpDate(times.receivedAt)}\r\n`;
  const merged = mergeFields(stored.fields, lines);
  const mergedFacts = readResponseFacts(merged, times.receivedAt);
  const facts: ResponseFacts = { ...mergedFacts, age: update.age };
  const freshness = freshnessOf(stored.status, facts, policy, times.receivedAt, true);
  const { noCacheFields, privateFields } = facts.directives;
  const fields = storedFields(merged, noCacheFields, privateFields);
  const updated = createAnswer(stored, fields, facts, freshness, times, stored);
  return forbidsKeeping(update.directives)
    ? { ...updated, alwaysValidate: true, neverStale: true }
    : updated;
}

const setCookie: readonly string[] = ["set-cookie"];

/** What is stored already is not unlearned; but it is not given to anybody unasked from then on. */
function forbidsKeeping({ noStore, mustUnderstand, isPrivate }: Directives): boolean {
  return isPrivate || (noStore && !mustUnderstand);
}

/** RFC 9111 §4.3.4: a validator in the 304 must be the stored answer's own. */
function speaksOf(stored: StoredAnswer, update: ResponseFacts): boolean {
  if (update.etag === "" || stored.etag === "") return true;
  const isStrong = !update.etag.startsWith("W/") && !stored.etag.startsWith("W/");
  return isStrong ? strongMatch(update.etag, stored.etag) : weakMatch(update.etag, stored.etag);
}
