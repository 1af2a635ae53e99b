/** Why a request is not answered by the other routes. */
import type { RoutePlan } from "@stack/config";
import {
  explainConditions,
  type NetworkCompiler,
  type RoutedRequest,
} from "../routing/route-conditions.ts";
import { placeOf } from "./explain-action.ts";
import { writtenPath } from "./written-route.ts";

export interface OtherRoute {
  readonly source: string;
  readonly host: string | null;
  readonly path: string;
  readonly why: string;
}

interface AskedRequest extends RoutedRequest {
  readonly host: string;
  readonly path: string;
}

/** How near a route came, for the order: host, then path, then its conditions. */
interface Judged {
  readonly nearness: number;
  readonly other: OtherRoute;
}

const mostShown = 50;

export function explainOthers(
  routes: readonly RoutePlan[],
  chosen: RoutePlan | undefined,
  request: AskedRequest,
  client: string,
  networks: NetworkCompiler,
): readonly OtherRoute[] {
  return routes
    .filter((route) => route !== chosen)
    .map((route): Judged => {
      const { nearness, why } = judge(route, chosen, request, client, networks);
      const { source, host } = route;
      return { nearness, other: { source, host, path: writtenPath(route), why } };
    })
    .sort((a, b) => b.nearness - a.nearness)
    .slice(0, mostShown)
    .map(({ other }) => other);
}

function judge(
  route: RoutePlan,
  chosen: RoutePlan | undefined,
  request: AskedRequest,
  client: string,
  networks: NetworkCompiler,
): { readonly nearness: number; readonly why: string } {
  const hostFits = matchesHost(route.host, request.host);
  if (!matchesPath(route, request.path)) {
    const why = `the path is not ${writtenPath(route)}`;
    return { nearness: hostFits ? 1 : 0, why: hostFits ? why : `host and path are others` };
  }
  if (!hostFits) return { nearness: 2, why: `only for host ${route.host}` };
  const missing =
    route.conditions === undefined
      ? undefined
      : explainConditions(route.conditions, networks, request, client);
  if (missing !== undefined) return { nearness: 3, why: `asks for ${missing}` };
  return { nearness: 4, why: chosen === undefined ? "is hidden" : compared(route, chosen) };
}

/** Both match: what makes the chosen one the more specific. */
function compared(route: RoutePlan, chosen: RoutePlan): string {
  const than = `${chosen.source} is more specific:`;
  if (rankOfHost(chosen.host) !== rankOfHost(route.host)) return `${than} it names the host`;
  if (chosen.match === "exact" && route.match !== "exact") return `${than} it is the exact path`;
  if (chosen.path.length !== route.path.length) return `${than} its path is longer`;
  if (chosen.pattern?.source !== route.pattern?.source) {
    return `${than} a RegExp comes before a prefix, a longer one before a shorter`;
  }
  return `${than} it has more conditions, or narrower ones`;
}

/** A host of its own, a wildcard (the longer the nearer), any. */
function rankOfHost(host: string | null): number {
  if (host === null) return -1;
  return host.startsWith("*.") ? host.length : Number.MAX_SAFE_INTEGER;
}

function matchesHost(host: string | null, asked: string): boolean {
  if (host === null) return true;
  return host.startsWith("*.")
    ? asked.endsWith(host.slice(1)) && asked.length > host.length - 1
    : host === asked;
}

function matchesPath(route: RoutePlan, path: string): boolean {
  if (route.match === "exact") return route.path === path;
  const { pattern } = placeOf(route);
  if (pattern !== null) return pattern.test(path);
  const prefix = route.path.endsWith("/") ? route.path.slice(0, -1) : route.path;
  return path === prefix || path.startsWith(`${prefix}/`);
}
