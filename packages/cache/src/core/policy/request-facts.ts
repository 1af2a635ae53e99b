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
export const plainRequest: RequestFacts = {
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

/** What was found while reading. */
type Found = {
  -readonly [Name in
    | "hasAuthorization"
    | "hasCookie"
    | "range"
    | "ifRange"
    | "ifMatch"
    | "ifNoneMatch"
    | "ifModifiedSince"
    | "ifUnmodifiedSince"]: RequestFacts[Name];
} & { cacheControl: string | undefined; pragma: string | undefined };

export function readRequestFacts(head: HeadLines): RequestFacts {
  const { text, lines, lineCount } = head;
  let found: Found | undefined;
  for (let at = 0; at < lineCount * lineStride; at += lineStride) {
    const start = lines[at] as number;
    const end = lines[at + 1] as number;
    if (!mayMatter(text.charCodeAt(start) | 32, end - start)) continue;
    found = noteField(found, text.slice(start, end), text, lines[at + 2], lines[at + 3]);
  }
  return found === undefined ? plainRequest : factsOf(found);
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

function noteField(
  before: Found | undefined,
  name: string,
  text: string,
  start: number | undefined,
  end: number | undefined,
): Found | undefined {
  const key = keys.get(name.toLowerCase());
  if (key === undefined) return before;
  const found = before ?? nothing();
  if (key === "hasAuthorization" || key === "hasCookie") {
    found[key] = true;
  } else {
    const value = text.slice(start, end);
    const earlier = found[key];
    found[key] = earlier === undefined ? value : `${earlier}, ${value}`;
  }
  return found;
}

const keys: ReadonlyMap<string, keyof Found> = new Map<string, keyof Found>([
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
    hasAuthorization: false,
    hasCookie: false,
    range: undefined,
    ifRange: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
    cacheControl: undefined,
    pragma: undefined,
  };
}

function factsOf({ cacheControl, pragma, ...rest }: Found): RequestFacts {
  if (cacheControl === undefined) {
    // RFC 9111 §5.4: Pragma counts where there is no Cache-Control
    const noCache = pragma !== undefined && /(?:^|,)[ \t]*no-cache[ \t]*(?:,|$)/i.test(pragma);
    return { ...plainRequest, ...rest, noCache };
  }
  const directives = parseDirectives(cacheControl);
  return {
    ...rest,
    noStore: directives.noStore,
    noCache: directives.noCache,
    onlyIfCached: directives.onlyIfCached,
    maxAge: usable(directives.maxAge),
    minFresh: usable(directives.minFresh),
    maxStale: usable(directives.maxStale),
  };
}

function usable(seconds: number): number {
  return seconds < 0 ? absent : seconds;
}
