/** Path and conditions of a route as its author would know them again. */
import type { RoutePlan } from "@stack/config";

/** "/x/*" again, or the RegExp as it was written. */
export function writtenPath(route: RoutePlan): string {
  if (route.pattern !== undefined) return route.pattern.written;
  if (route.match === "exact") return route.path;
  return route.path.endsWith("/") ? `${route.path}*` : `${route.path}/*`;
}

/** "header x-beta = 1" */
export function writtenConditions({ conditions }: RoutePlan): readonly string[] {
  if (conditions === undefined) return [];
  const { methods, headers, query, cookies, clients } = conditions;
  const named = (kind: string, list: readonly (readonly [string, string | boolean])[]) =>
    list.map(([name, wanted]) =>
      typeof wanted === "string"
        ? `${kind} ${name} = ${wanted}`
        : `${wanted ? "" : "no "}${kind} ${name}`,
    );
  return [
    ...(methods.length === 0 ? [] : [`method ${methods.join(" or ")}`]),
    ...named("header", headers),
    ...named("query", query),
    ...named("cookie", cookies),
    ...(clients.length === 0 ? [] : [`client in ${clients.join(", ")}`]),
  ];
}
