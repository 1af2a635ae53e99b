/** What an unsafe request makes invalid (RFC 9111 §4.4): its target, and what its answer names. */
import { readResponseFacts } from "./response-facts.ts";
import { resolveSameOrigin } from "./target-uri.ts";

/** RFC 9110 §9.2.1 and the registry; what is not known is unsafe. */
const safeMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "REPORT",
  "SEARCH",
  "QUERY",
]);

const none: readonly string[] = [];

export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method);
}

/**
 * Absolute URIs, without a fragment, all of the request's own origin: else a site could empty the
 * cache of another.
 *
 * @param uri of the request, absolute
 */
export function decideInvalidations(
  method: string,
  status: number,
  uri: string,
  fields: string,
): readonly string[] {
  if (safeMethods.has(method) || status < 200 || status > 399) return none;
  const { location, contentLocation } = readResponseFacts(fields, 0);
  const uris = new Set([uri]);
  for (const reference of [location, contentLocation]) {
    const named = resolveSameOrigin(reference, uri);
    if (named !== undefined) uris.add(named);
  }
  return [...uris];
}
