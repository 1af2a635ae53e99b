/** What a route changes about requests and answers, and where it shares or copies them to. */
import type { HeaderChanges, RouteAction, RoutePlan, TargetPlan } from "../../plans.ts";

interface WrittenTarget {
  readonly app?: string | undefined;
  readonly upstream?: string | undefined;
}

interface WrittenHeaders {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface WrittenTraffic {
  readonly rewrite?: string | undefined;
  readonly requestHeaders?: WrittenHeaders | undefined;
  readonly responseHeaders?: WrittenHeaders | undefined;
  readonly cors?:
    | {
        readonly origins: "*" | readonly string[];
        readonly methods: readonly string[];
        readonly headers: readonly string[];
        readonly expose: readonly string[];
        readonly credentials: boolean;
        readonly maxAge: number;
      }
    | undefined;
  readonly mirror?: (WrittenTarget & { readonly share: number }) | undefined;
  readonly replaceErrors: boolean;
  readonly duringMaintenance: boolean;
}

/** Nothing of a key that is not used: the edge asks once whether it is there. */
export function resolveTraffic(route: WrittenTraffic): Partial<RoutePlan> {
  const { rewrite, requestHeaders, responseHeaders, cors, mirror } = route;
  return {
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(requestHeaders === undefined ? {} : { requestHeaders: resolveHeaders(requestHeaders) }),
    ...(responseHeaders === undefined ? {} : { responseHeaders: resolveHeaders(responseHeaders) }),
    ...(cors === undefined
      ? {}
      : {
          cors: {
            origins: cors.origins,
            methods: cors.methods,
            headers: cors.headers,
            expose: cors.expose,
            credentials: cors.credentials,
            maxAgeS: Math.round(cors.maxAge / 1000),
          },
        }),
    ...(mirror === undefined
      ? {}
      : { mirror: { target: resolveTarget(mirror), share: mirror.share } }),
    ...(route.replaceErrors ? { replaceErrors: true as const } : {}),
    ...(route.duringMaintenance ? { duringMaintenance: true as const } : {}),
  };
}

export function resolveSplit(
  split: readonly (WrittenTarget & { readonly weight: number })[],
  sticky: boolean | { readonly cookie: string; readonly maxAge?: number | undefined } | undefined,
): RouteAction {
  const written = sticky === true ? { cookie: "stack-split" } : sticky;
  return {
    kind: "split",
    choices: split.map((choice) => ({ target: resolveTarget(choice), weight: choice.weight })),
    sticky:
      written === undefined || written === false
        ? null
        : {
            cookie: written.cookie,
            maxAgeS:
              "maxAge" in written && written.maxAge !== undefined
                ? Math.round(written.maxAge / 1000)
                : null,
          },
  };
}

function resolveTarget({ app, upstream }: WrittenTarget): TargetPlan {
  if (app !== undefined) return { kind: "app", name: app };
  if (upstream !== undefined) return { kind: "upstream", name: upstream };
  throw new TypeError("unchecked target");
}

function resolveHeaders({ set, add, remove }: WrittenHeaders): HeaderChanges {
  return { set: Object.entries(set), add: Object.entries(add), remove };
}
