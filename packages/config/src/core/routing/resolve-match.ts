/** Host, path and conditions of a route as the edge's table wants them. */
import type { RouteConditions, RoutePlan } from "../../plans.ts";
import { linearSource, literalPrefix } from "./path-pattern.ts";

export interface WrittenMatch {
  readonly host?: string | undefined;
  readonly path: string | RegExp;
  readonly method?: string | readonly string[] | undefined;
  readonly header?: Readonly<Record<string, string | boolean>> | undefined;
  readonly query?: Readonly<Record<string, string | boolean>> | undefined;
  readonly cookie?: Readonly<Record<string, string | boolean>> | undefined;
  readonly client?: readonly string[] | undefined;
}

export function resolveMatch(
  route: WrittenMatch,
): Pick<RoutePlan, "host" | "path" | "match" | "pattern" | "conditions"> {
  const conditions = resolveConditions(route);
  return {
    host: route.host?.toLowerCase() ?? null,
    ...resolvePath(route.path),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

function resolvePath(path: string | RegExp): Pick<RoutePlan, "path" | "match" | "pattern"> {
  if (typeof path !== "string") {
    const source = linearSource(path.source, path.flags);
    const written = `/${path.source}/${path.flags}`;
    return {
      path: literalPrefix(source) || "/",
      match: "pattern",
      pattern: { source, written },
    };
  }
  const isPrefix = path.endsWith("/*");
  return {
    path: isPrefix ? path.slice(0, -"/*".length) || "/" : path,
    match: isPrefix ? "prefix" : "exact",
  };
}

function resolveConditions(route: WrittenMatch): RouteConditions | undefined {
  const { method, header, query, cookie, client } = route;
  if ([method, header, query, cookie, client].every((one) => one === undefined)) return undefined;
  return {
    methods: method === undefined ? [] : typeof method === "string" ? [method] : method,
    headers: Object.entries(header ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    query: Object.entries(query ?? {}),
    cookies: Object.entries(cookie ?? {}),
    clients: client ?? [],
  };
}
