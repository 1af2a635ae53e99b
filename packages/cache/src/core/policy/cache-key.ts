/**
 * Under which key a request's answer is stored. The key begins with the URL, up to the first line
 * feed, so that a purge of a URL or a prefix finds every key of it. Made of the same normalised
 * path that is matched and forwarded: there is no second reading of it.
 */
import { type HeadLines, headerValue } from "@stack/protocols";

export interface KeySpec {
  /** `all`: as it came. `sorted`: its parts by name. `none`. A list: only these, sorted. */
  readonly query: "all" | "sorted" | "none" | readonly string[];
  /** Fields whose values make a difference, in lower case. */
  readonly headers: readonly string[];
  /** Cookies whose values make a difference. */
  readonly cookies: readonly string[];
}

/** A `RequestHead` is one. */
export interface KeyRequest extends HeadLines {
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly hasQuery: boolean;
}

export function formatCacheKey(
  spec: KeySpec,
  scheme: "http" | "https",
  request: KeyRequest,
): string {
  let key = `${scheme}://${request.authority}${request.path}${keyedQuery(spec, request)}`;
  for (const name of spec.headers) key += `\n${name}:${headerValue(request, name) ?? ""}`;
  if (spec.cookies.length > 0) key += cookieParts(spec.cookies, headerValue(request, "cookie"));
  return key;
}

/** With its "?"; what of the query makes a difference, and so what may reach the app in mode `force`. */
export function keyedQuery(
  { query: wanted }: KeySpec,
  { query, hasQuery }: Pick<KeyRequest, "query" | "hasQuery">,
): string {
  if (!hasQuery || wanted === "none") return "";
  if (wanted === "all") return `?${query}`;
  const parts = query.split("&").filter((part) => part !== "");
  const kept = wanted === "sorted" ? parts : parts.filter((part) => wanted.includes(nameOf(part)));
  return kept.length === 0 ? "" : `?${kept.toSorted(byName).join("&")}`;
}

/** The order of parts with the same name means something: it stays. */
function byName(one: string, other: string): number {
  const a = nameOf(one);
  const b = nameOf(other);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function nameOf(part: string): string {
  const end = part.indexOf("=");
  return end < 0 ? part : part.slice(0, end);
}

function cookieParts(names: readonly string[], cookies: string | undefined): string {
  const values = readCookies(cookies ?? "");
  return names.map((name) => `\n${name}=${values.get(name) ?? ""}`).join("");
}

/** The first of a name counts, as for the apps' own readers. */
function readCookies(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const pair of text.split(/[;,]/)) {
    const equals = pair.indexOf("=");
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim();
    if (!values.has(name)) values.set(name, pair.slice(equals + 1).trim());
  }
  return values;
}
