/**
 * Whether the conditions of a route hold for a request. Only asked on routes that have some; the
 * client's networks come in as a compiled question, since core knows no sockets.
 */
import type { RouteConditions } from "@stack/config";
import { type HeadLines, headerValue } from "@stack/protocols";

/** What conditions are asked of. */
export interface RoutedRequest extends HeadLines {
  readonly method: string;
  readonly query: string;
}

export type ConditionCheck = (request: RoutedRequest, clientAddress: string) => boolean;

/** Compiles addresses and networks into a question. */
export type NetworkCompiler = (
  networks: readonly string[],
) => (address: string) => boolean | undefined;

export function compileConditions(
  conditions: RouteConditions,
  networks: NetworkCompiler,
): ConditionCheck {
  const { headers, query, cookies } = conditions;
  const methods = withHead(conditions.methods);
  const isClient = conditions.clients.length === 0 ? undefined : networks(conditions.clients);
  return (request, clientAddress) => {
    if (methods.length > 0 && !methods.includes(request.method)) return false;
    if (isClient !== undefined && isClient(clientAddress) !== true) return false;
    for (const [name, wanted] of headers) {
      if (!holds(wanted, headerValue(request, name))) return false;
    }
    for (const [name, wanted] of query) {
      if (!holds(wanted, parameterOf(request.query, name, "&"))) return false;
    }
    if (cookies.length === 0) return true;
    const sent = headerValue(request, "cookie") ?? "";
    return cookies.every(([name, wanted]) => holds(wanted, parameterOf(sent, name, ";")));
  };
}

/** The first condition that does not hold, in words; undefined when all hold. */
export function explainConditions(
  conditions: RouteConditions,
  networks: NetworkCompiler,
  request: RoutedRequest,
  clientAddress: string,
): string | undefined {
  const none: RouteConditions = { methods: [], headers: [], query: [], cookies: [], clients: [] };
  const alone: readonly (readonly [what: string, one: RouteConditions])[] = [
    [`method ${conditions.methods.join(" or ")}`, { ...none, methods: conditions.methods }],
    ...conditions.headers.map((it) => [say("header", it), { ...none, headers: [it] }] as const),
    ...conditions.query.map((it) => [say("query", it), { ...none, query: [it] }] as const),
    ...conditions.cookies.map((it) => [say("cookie", it), { ...none, cookies: [it] }] as const),
    [`client in ${conditions.clients.join(", ")}`, { ...none, clients: conditions.clients }],
  ];
  return alone.find(([, one]) => !compileConditions(one, networks)(request, clientAddress))?.[0];
}

/** The value of a cookie or a query parameter, as it was sent; the first of several. */
export function parameterOf(text: string, name: string, separator: "&" | ";"): string | undefined {
  let at = 0;
  while (at < text.length) {
    let end = text.indexOf(separator, at);
    if (end < 0) end = text.length;
    let start = at;
    while (text.charCodeAt(start) === 32) start += 1;
    if (text.startsWith(name, start)) {
      const after = start + name.length;
      if (after === end) return "";
      if (after < end && text[after] === "=") return text.slice(after + 1, end).trimEnd();
    }
    at = end + 1;
  }
  return undefined;
}

/** HEAD is GET without the body (RFC 9110 §9.3.2). */
function withHead(methods: readonly string[]): readonly string[] {
  return methods.includes("GET") ? [...methods, "HEAD"] : methods;
}

function holds(wanted: string | boolean, value: string | undefined): boolean {
  return typeof wanted === "boolean" ? wanted === (value !== undefined) : wanted === value;
}

function say(kind: string, [name, wanted]: readonly [string, string | boolean]): string {
  if (wanted === true) return `${kind} ${name}`;
  return wanted === false ? `no ${kind} ${name}` : `${kind} ${name} = ${wanted}`;
}
