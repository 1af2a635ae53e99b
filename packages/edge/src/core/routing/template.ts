/**
 * Templates of `redirect` and `rewrite`: `{path}`, `{rest}`, `{query}`, `{host}` and what a RegExp
 * path caught. Compiled once per route; what a client sent is only ever put in as data.
 */
import type { PathMatcher } from "./path-matcher.ts";

interface TemplateRequest {
  /** Lower case, without port; "" when there is none. */
  readonly host: string;
  /** 0 when the Host named none. */
  readonly port: number;
  readonly path: string;
  readonly query: string;
  readonly hasQuery: boolean;
}

/** What a route knows of its path. */
export interface TemplatePlace {
  /** Characters that the route's prefix covers. */
  readonly prefixLength: number;
  /** Of a RegExp path; the one `source` is the text of both of its engines. */
  readonly pattern: (PathMatcher & { readonly source: string }) | null;
}

export type Template = (request: TemplateRequest) => string;

/** A path that is "/x/*" covers "/x"; without a place `{rest}` is all of the path. */
const anywhere: TemplatePlace = { prefixLength: 0, pattern: null };

const field = /\{(path|rest|query|host|\d+|[A-Za-z_]\w*)\}/;

/** @param escapeValue of each value that is put in; `inAuthority` where it would name a host */
export function compileTemplate(
  template: string,
  escapeValue: (value: string, inAuthority: boolean) => string,
  place: TemplatePlace = anywhere,
): Template {
  const groups = new Set(place.pattern === null ? [] : groupNames(place.pattern.source));
  const parts = template.split(field).flatMap((text, index, all): readonly Part[] => {
    // What the operator wrote is Unicode, what clients send is bytes.
    if (index % 2 === 0) return [{ text: encodeURI(text).replaceAll("%25", "%") }];
    if (!known.has(text) && !groups.has(text)) return [{ text: encodeURI(`{${text}}`) }];
    // Path, rest and query bring the character that ends a host; what a group caught need not.
    const before = all
      .slice(0, index)
      .map((one, at) =>
        at % 2 === 0 ? one : one === "query" ? "?" : one === "host" || groups.has(one) ? "x" : "/",
      )
      .join("");
    const inAuthority = groups.has(text) && /^(?:[a-z][a-z\d+.-]*:)?[/\\]{2}[^/?#]*$/i.test(before);
    return [{ field: text, inAuthority, joinsQuery: before.includes("?") }];
  });
  const needsMatch = parts.some((part) => "field" in part && groups.has(part.field));
  return (request) => {
    const match = needsMatch ? (place.pattern?.exec(request.path) ?? null) : null;
    let out = "";
    for (const part of parts) {
      if ("text" in part) out += part.text;
      else out += escapeValue(fieldOf(part, request, place, match), part.inAuthority);
    }
    return out;
  };
}

type Part =
  | { readonly text: string }
  | { readonly field: string; readonly inAuthority: boolean; readonly joinsQuery: boolean };

const known: ReadonlySet<string> = new Set(["path", "rest", "query", "host"]);

function fieldOf(
  { field: name, joinsQuery }: Extract<Part, { field: string }>,
  request: TemplateRequest,
  place: TemplatePlace,
  match: RegExpExecArray | null,
): string {
  switch (name) {
    case "path":
      return request.path;
    case "rest":
      return request.path.slice(place.prefixLength) || (place.prefixLength > 0 ? "" : "/");
    case "query":
      if (!request.hasQuery) return "";
      return `${joinsQuery ? "&" : "?"}${request.query}`;
    case "host":
      return request.port === 0 ? request.host : `${request.host}:${request.port}`;
    default:
      return (/^\d/.test(name) ? match?.[Number(name)] : match?.groups?.[name]) ?? "";
  }
}

/** "1" … and the names of its groups. */
function groupNames(source: string): readonly string[] {
  // An alternative that matches everything: the match has all groups, whatever was in them.
  const found = new RegExp(`(?:${source})|`).exec("");
  const numbers = Array.from({ length: (found?.length ?? 1) - 1 }, (_, index) => `${index + 1}`);
  return [...numbers, ...Object.keys(found?.groups ?? {})];
}
