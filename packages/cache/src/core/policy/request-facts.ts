/**
 * What a cache has to know of a request, read in one pass over its lines. A request that says
 * nothing of the kind shares one record: nothing is allocated for it.
 */
import { type HeadLines, lineStride } from "@stack/protocols";
import { absent, parseDirectives } from "./directives.ts";

/** A parsed request; a `RequestHead` is one. */
export interface CacheRequest extends HeadLines {
  readonly method: string;
}

export interface RequestFacts {
  readonly noStore: boolean;
  readonly noCache: boolean;
  readonly onlyIfCached: boolean;
  /** Seconds; -1 where the client says nothing usable. */
  readonly maxAge: number;
  readonly minFresh: number;
  /** Infinity: any staleness will do. */
  readonly maxStale: number;
  readonly hasAuthorization: boolean;
  readonly hasCookie: boolean;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
}

/** Of a request without any field that matters to a cache. */
export const plainRequest: RequestFacts = nothing();

type Found = { -readonly [Name in keyof RequestFacts]: RequestFacts[Name] };

export function readRequestFacts(head: HeadLines): RequestFacts {
  const { text, lines, lineCount } = head;
  let found: Found | undefined;
  let cacheControl: string | undefined;
  let pragma: string | undefined;
  for (let at = 0; at < lineCount * lineStride; at += lineStride) {
    const start = lines[at] as number;
    const end = lines[at + 1] as number;
    if (!mayMatter(text.charCodeAt(start) | 32, end - start)) continue;
    const key = keys.get(text.slice(start, end).toLowerCase());
    if (key === undefined) continue;
    const value = text.slice(lines[at + 2], lines[at + 3]);
    if (key === "cacheControl") cacheControl = joined(cacheControl, value);
    else if (key === "pragma") pragma = joined(pragma, value);
    else {
      found ??= nothing();
      if (key === "hasAuthorization" || key === "hasCookie") found[key] = true;
      else found[key] = joined(found[key], value);
    }
  }
  if (cacheControl !== undefined) return applyCacheControl(found ?? nothing(), cacheControl);
  // RFC 9111 §5.4: Pragma counts where there is no Cache-Control
  if (pragma !== undefined && saysNoCache.test(pragma)) {
    found ??= nothing();
    found.noCache = true;
  }
  return found ?? plainRequest;
}

const saysNoCache = /(?:^|,)[ \t]*no-cache[ \t]*(?:,|$)/i;

function joined(earlier: string | undefined, value: string): string {
  return earlier === undefined ? value : `${earlier}, ${value}`;
}

/** By first letter and length: most lines are passed over here. */
function mayMatter(letter: number, length: number): boolean {
  switch (letter) {
    case 97: // Authorization
      return length === 13;
    case 99: // Cache-Control, Cookie
      return length === 13 || length === 6;
    case 105: // If-Match, If-Range, If-None-Match, If-Modified-Since, If-Unmodified-Since
      return length === 8 || length === 13 || length === 17 || length === 19;
    case 112: // Pragma
      return length === 6;
    case 114: // Range
      return length === 5;
    default:
      return false;
  }
}

type Field =
  | "hasAuthorization"
  | "hasCookie"
  | "cacheControl"
  | "pragma"
  | "range"
  | "ifRange"
  | "ifMatch"
  | "ifNoneMatch"
  | "ifModifiedSince"
  | "ifUnmodifiedSince";

const keys: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["authorization", "hasAuthorization"],
  ["cookie", "hasCookie"],
  ["cache-control", "cacheControl"],
  ["pragma", "pragma"],
  ["range", "range"],
  ["if-range", "ifRange"],
  ["if-match", "ifMatch"],
  ["if-none-match", "ifNoneMatch"],
  ["if-modified-since", "ifModifiedSince"],
  ["if-unmodified-since", "ifUnmodifiedSince"],
]);

function nothing(): Found {
  return {
    noStore: false,
    noCache: false,
    onlyIfCached: false,
    maxAge: absent,
    minFresh: absent,
    maxStale: absent,
    hasAuthorization: false,
    hasCookie: false,
    range: undefined,
    ifRange: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
  };
}

function applyCacheControl(found: Found, cacheControl: string): RequestFacts {
  const directives = parseDirectives(cacheControl);
  found.noStore = directives.noStore;
  found.noCache = directives.noCache;
  found.onlyIfCached = directives.onlyIfCached;
  found.maxAge = usable(directives.maxAge);
  found.minFresh = usable(directives.minFresh);
  found.maxStale = usable(directives.maxStale);
  return found;
}

function usable(seconds: number): number {
  return seconds < 0 ? absent : seconds;
}
