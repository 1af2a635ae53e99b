/**
 * Which route answers a request. Pure: the same table and request give the same decision; the
 * order in the config does not matter, and the cost does not grow with the number of routes.
 *
 * A host's own routes come before those of a wildcard, and these before those of any host; then an
 * exact path before a prefix, the longest prefix first; at the same place patterns before the
 * prefix itself, and more conditions before fewer (`route-order.ts`). Each decision is one object
 * made when the table is built: nothing is allocated per request. The path must be the normalised
 * one, the same that is forwarded.
 */
import type { RouteAction, RoutePlan } from "@stack/config";
import { createPathMatcher, type PathMatcher } from "./path-matcher.ts";
import {
  type ConditionCheck,
  compileConditions,
  type NetworkCompiler,
  type RoutedRequest,
} from "./route-conditions.ts";
import { compareRoutes } from "./route-order.ts";

export interface RouteDecision {
  readonly action: RouteAction;
  /** Characters of the path the backend does not see; 0 without `stripPrefix`. */
  readonly stripLength: number;
  /** Characters of the path the route's prefix covers: a file is looked up by what follows. */
  readonly prefixLength: number;
  /** Position in the config, for metrics. */
  readonly index: number;
  /** "deploy.config.ts:14" */
  readonly source: string;
  /** Protocols a client may switch to; undefined for none. */
  readonly upgrades?: readonly string[] | undefined;
  /**
   * Null for a decision. Else this is none: it stands for the routes at one place of the path that
   * want more than host and path, the most specific first.
   */
  readonly choices: readonly Choice[] | null;
}

interface Choice {
  readonly decision: RouteDecision;
  readonly pattern: PathMatcher | null;
  readonly check: ConditionCheck | null;
}

interface HostRoutes {
  readonly exact: Map<string, RouteDecision>;
  /** By prefix without a final slash: "" for "/". */
  readonly prefixes: Map<string, RouteDecision>;
  longestPrefix: number;
}

export interface RouteTable {
  readonly hosts: ReadonlyMap<string, HostRoutes>;
  /** By what follows the star: ".example.com". */
  readonly wildcards: ReadonlyMap<string, HostRoutes>;
  readonly anyHost: HostRoutes;
}

/**
 * Of two equal routes the first stays; the config reports such pairs. For routes with a pattern V8
 * must have been told to allow flag "l" (`--enable-experimental-regexp-engine`).
 */
export function buildRouteTable(
  routes: readonly RoutePlan[],
  networks: NetworkCompiler = () => () => false,
): RouteTable {
  const hosts = new Map<string, HostRoutes>();
  const wildcards = new Map<string, HostRoutes>();
  const anyHost = emptyRoutes();
  for (const place of gatherPlaces(routes)) {
    const { host, isPrefix, key } = place;
    const target =
      host === null
        ? anyHost
        : host.startsWith("*.")
          ? routesOf(wildcards, host.slice(1))
          : routesOf(hosts, host);
    const decision = decisionAt(place.routes, networks);
    if (isPrefix) {
      target.prefixes.set(key, decision);
      target.longestPrefix = Math.max(target.longestPrefix, key.length);
    } else {
      target.exact.set(key, decision);
    }
  }
  return { hosts, wildcards, anyHost };
}

/**
 * @param host lower case, without port; "" when there is none
 * @param path normalised, beginning with "/", without the query
 * @param request for conditions; without it no route with conditions matches
 */
export function decideRoute(
  table: RouteTable,
  host: string,
  path: string,
  request?: RoutedRequest,
  clientAddress = "",
): RouteDecision | undefined {
  if (table.hosts.size > 0) {
    const own = table.hosts.get(host);
    if (own !== undefined) {
      const decision = lookUp(own, path, request, clientAddress);
      if (decision !== undefined) return decision;
    }
  }
  if (table.wildcards.size > 0) {
    // "a.b.example.com": ".b.example.com", then ".example.com", then ".com".
    for (let dot = host.indexOf("."); dot > 0; dot = host.indexOf(".", dot + 1)) {
      const own = table.wildcards.get(host.slice(dot));
      if (own === undefined) continue;
      const decision = lookUp(own, path, request, clientAddress);
      if (decision !== undefined) return decision;
    }
  }
  return lookUp(table.anyHost, path, request, clientAddress);
}

function lookUp(
  routes: HostRoutes,
  path: string,
  request: RoutedRequest | undefined,
  client: string,
): RouteDecision | undefined {
  const exact = routes.exact.get(path);
  if (exact !== undefined) {
    const chosen = exact.choices === null ? exact : choose(exact.choices, path, request, client);
    if (chosen !== undefined) return chosen;
  }
  const { prefixes, longestPrefix } = routes;
  if (prefixes.size === 0) return undefined;
  // "/a/b" may be a prefix itself; after that every "/" from the right ends a shorter one.
  let end = path.length <= longestPrefix ? path.length : path.lastIndexOf("/", longestPrefix);
  while (end > 0) {
    const found = prefixes.get(path.slice(0, end));
    if (found !== undefined) {
      const chosen = found.choices === null ? found : choose(found.choices, path, request, client);
      if (chosen !== undefined) return chosen;
    }
    end = path.lastIndexOf("/", end - 1);
  }
  const last = prefixes.get("");
  if (last === undefined || last.choices === null) return last;
  return choose(last.choices, path, request, client);
}

function choose(
  choices: readonly Choice[],
  path: string,
  request: RoutedRequest | undefined,
  client: string,
): RouteDecision | undefined {
  for (const { decision, pattern, check } of choices) {
    if (pattern !== null && !pattern.test(path)) continue;
    if (check === null) return decision;
    if (request !== undefined && check(request, client)) return decision;
  }
  return undefined;
}

interface Place {
  readonly host: string | null;
  readonly isPrefix: boolean;
  readonly key: string;
  readonly routes: { readonly route: RoutePlan; readonly index: number }[];
}

/** The routes by host and place of the path. A pattern stands where its known beginning is a prefix. */
function gatherPlaces(routes: readonly RoutePlan[]): Iterable<Place> {
  const places = new Map<string, Place>();
  routes.forEach((route, index) => {
    const isPrefix = route.match !== "exact";
    const key = isPrefix ? withoutSlash(route.path) : route.path;
    const id = `${route.host ?? ""} ${isPrefix} ${key}`;
    const known = places.get(id);
    if (known !== undefined) known.routes.push({ route, index });
    else places.set(id, { host: route.host, isPrefix, key, routes: [{ route, index }] });
  });
  return places.values();
}

function decisionAt(found: Place["routes"], networks: NetworkCompiler): RouteDecision {
  const ordered = found
    .toSorted((a, b) => compareRoutes(a.route, b.route)) // stable: of equals the first stays
    .map(({ route, index }): Choice => {
      const { pattern, conditions } = route;
      return {
        decision: decisionOf(route, index),
        pattern: pattern === undefined ? null : createPathMatcher(pattern.source),
        check: conditions === undefined ? null : compileConditions(conditions, networks),
      };
    });
  const [first] = ordered;
  if (first === undefined) throw new TypeError("a place without routes");
  if (first.pattern === null && first.check === null) return first.decision;
  return { ...first.decision, choices: ordered };
}

function decisionOf(route: RoutePlan, index: number): RouteDecision {
  const prefixLength = route.match === "prefix" ? withoutSlash(route.path).length : 0;
  return {
    action: route.action,
    stripLength: route.stripPrefix ? prefixLength : 0,
    prefixLength,
    index,
    source: route.source,
    upgrades: route.upgrade,
    choices: null,
  };
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function routesOf(hosts: Map<string, HostRoutes>, host: string): HostRoutes {
  const known = hosts.get(host);
  if (known !== undefined) return known;
  const made = emptyRoutes();
  hosts.set(host, made);
  return made;
}

function emptyRoutes(): HostRoutes {
  return { exact: new Map(), prefixes: new Map(), longestPrefix: 0 };
}
