/**
 * Which route answers a request. Pure: the same table, host and path give the same decision; the
 * order in the config does not matter, and the cost does not grow with the number of routes.
 *
 * A host's own routes come before those of any host; then an exact path before a prefix, then the
 * longest prefix. Each decision is one object made when the table is built: nothing is allocated
 * per request. The path must be the normalised one, the same that is forwarded.
 */
import type { RouteAction, RoutePlan } from "@stack/config";

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
}

interface HostRoutes {
  readonly exact: Map<string, RouteDecision>;
  /** By prefix without a final slash: "" for "/". */
  readonly prefixes: Map<string, RouteDecision>;
  longestPrefix: number;
}

export interface RouteTable {
  readonly hosts: ReadonlyMap<string, HostRoutes>;
  readonly anyHost: HostRoutes;
}

/** Of two routes for the same host and path the first stays; the config reports such pairs. */
export function buildRouteTable(routes: readonly RoutePlan[]): RouteTable {
  const hosts = new Map<string, HostRoutes>();
  const anyHost = emptyRoutes();
  routes.forEach((route, index) => {
    const target = route.host === null ? anyHost : routesOf(hosts, route.host);
    const prefix = route.path.endsWith("/") ? route.path.slice(0, -1) : route.path;
    const isPrefix = route.match === "prefix";
    const decision: RouteDecision = {
      action: route.action,
      stripLength: isPrefix && route.stripPrefix ? prefix.length : 0,
      prefixLength: isPrefix ? prefix.length : 0,
      index,
      source: route.source,
    };
    if (isPrefix) {
      if (!target.prefixes.has(prefix)) target.prefixes.set(prefix, decision);
      target.longestPrefix = Math.max(target.longestPrefix, prefix.length);
    } else if (!target.exact.has(route.path)) {
      target.exact.set(route.path, decision);
    }
  });
  return { hosts, anyHost };
}

/**
 * @param host lower case, without port; "" when there is none
 * @param path normalised, beginning with "/", without the query
 */
export function decideRoute(
  table: RouteTable,
  host: string,
  path: string,
): RouteDecision | undefined {
  if (table.hosts.size > 0) {
    const own = table.hosts.get(host);
    if (own !== undefined) {
      const decision = lookUp(own, path);
      if (decision !== undefined) return decision;
    }
  }
  return lookUp(table.anyHost, path);
}

function lookUp(routes: HostRoutes, path: string): RouteDecision | undefined {
  const exact = routes.exact.get(path);
  if (exact !== undefined) return exact;
  const { prefixes, longestPrefix } = routes;
  if (prefixes.size === 0) return undefined;
  // "/a/b" may be a prefix itself; after that every "/" from the right ends a shorter one.
  if (path.length <= longestPrefix) {
    const whole = prefixes.get(path);
    if (whole !== undefined) return whole;
  }
  let end = path.lastIndexOf("/", longestPrefix);
  while (end > 0) {
    const found = prefixes.get(path.slice(0, end));
    if (found !== undefined) return found;
    end = path.lastIndexOf("/", end - 1);
  }
  return prefixes.get("");
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
