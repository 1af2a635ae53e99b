/**
 * Cache-Control as RFC 9111 §5.2 has it: names in any case, values as tokens or quoted strings,
 * anything unknown skipped. What is said twice counts the first time (§4.2.1); what is said of a
 * number that is none is `invalid`, so that the answer is stale rather than guessed at.
 */

/** A number of seconds that cannot be read: the directive is there, its value is not to be used. */
export const invalid = -2;
/** The directive is not there. */
export const absent = -1;

/** Directives of a request or of a response; each reads its own. */
export interface Directives {
  noStore: boolean;
  noCache: boolean;
  /** Fields of no-cache="…", in lower case: only these are to be left out. */
  noCacheFields: readonly string[] | null;
  isPrivate: boolean;
  /** Fields of private="…", in lower case. */
  privateFields: readonly string[] | null;
  isPublic: boolean;
  mustRevalidate: boolean;
  proxyRevalidate: boolean;
  mustUnderstand: boolean;
  onlyIfCached: boolean;
  /** Seconds; `absent`, or `invalid`. */
  maxAge: number;
  sharedMaxAge: number;
  minFresh: number;
  /** Infinity without a value: any staleness will do. */
  maxStale: number;
  staleWhileRevalidate: number;
  staleIfError: number;
}

/** RFC 9111 §1.2.2: what is beyond is as good as this. */
export const maxSeconds = 2 ** 31;

export function createDirectives(): Directives {
  return {
    noStore: false,
    noCache: false,
    noCacheFields: null,
    isPrivate: false,
    privateFields: null,
    isPublic: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    onlyIfCached: false,
    maxAge: absent,
    sharedMaxAge: absent,
    minFresh: absent,
    maxStale: absent,
    staleWhileRevalidate: absent,
    staleIfError: absent,
  };
}

/** One element: a name, then perhaps "=" with a token or a quoted string; else what is no directive. */
const element =
  /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^", \t]*)))?[ \t]*(?=,|$)|((?:"(?:[^"\\]|\\.)*"|[^,])*))(?:,|$)/gy;

/** A value that breaks the grammar. */
const unreadable = Symbol("unreadable");
type Argument = string | undefined | typeof unreadable;

/** @param value of all Cache-Control lines, joined by ", " */
export function parseDirectives(value: string): Directives {
  const directives = createDirectives();
  element.lastIndex = 0;
  while (element.lastIndex < value.length) {
    const match = element.exec(value);
    if (match === null) break;
    const [, name, quoted, token, other] = match;
    if (name !== undefined) {
      const argument = quoted === undefined ? token : quoted.replaceAll(/\\(.)/g, "$1");
      applyDirective(directives, name.toLowerCase(), argument);
    } else if (other !== undefined) {
      // "max-age = 60": not what the grammar allows, and not to be overlooked either (§4.2.1)
      const begun = /^([!#$%&'*+.^_`|~\w-]+)[ \t]*=/.exec(other)?.[1]?.toLowerCase();
      if (begun !== undefined) applyDirective(directives, begun, unreadable);
    }
  }
  return directives;
}

function applyDirective(directives: Directives, name: string, argument: Argument): void {
  switch (name) {
    case "no-store":
      directives.noStore = true;
      return;
    case "no-cache":
      applyToFields(directives, "noCache", "noCacheFields", argument);
      return;
    case "private":
      applyToFields(directives, "isPrivate", "privateFields", argument);
      return;
    case "public":
      directives.isPublic = true;
      return;
    case "must-revalidate":
      directives.mustRevalidate = true;
      return;
    case "proxy-revalidate":
      directives.proxyRevalidate = true;
      return;
    case "must-understand":
      directives.mustUnderstand = true;
      return;
    case "only-if-cached":
      directives.onlyIfCached = true;
      return;
    case "max-age":
      if (directives.maxAge === absent) directives.maxAge = parseSeconds(argument);
      return;
    case "s-maxage":
      if (directives.sharedMaxAge === absent) directives.sharedMaxAge = parseSeconds(argument);
      return;
    case "min-fresh":
      if (directives.minFresh === absent) directives.minFresh = parseSeconds(argument);
      return;
    case "max-stale":
      if (directives.maxStale !== absent) return;
      directives.maxStale =
        argument === undefined ? Number.POSITIVE_INFINITY : parseSeconds(argument);
      return;
    case "stale-while-revalidate":
      if (directives.staleWhileRevalidate !== absent) return;
      directives.staleWhileRevalidate = parseSeconds(argument);
      return;
    case "stale-if-error":
      if (directives.staleIfError === absent) directives.staleIfError = parseSeconds(argument);
      return;
  }
}

/** RFC 9111 §1.2.2: digits only; what is too large is `maxSeconds`. */
function parseSeconds(text: Argument): number {
  if (typeof text !== "string" || !/^\d+$/.test(text)) return invalid;
  return Math.min(Number(text), maxSeconds);
}

/** Without names, or with names that cannot be read, it is said of the whole answer. */
function applyToFields(
  directives: Directives,
  whole: "noCache" | "isPrivate",
  some: "noCacheFields" | "privateFields",
  argument: Argument,
): void {
  const names = typeof argument === "string" ? argument.split(",") : [];
  const fields = names.map((name) => name.trim().toLowerCase()).filter((name) => name !== "");
  if (fields.length === 0) directives[whole] = true;
  else directives[some] = [...(directives[some] ?? []), ...fields];
}
