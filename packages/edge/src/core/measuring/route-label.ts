/** What a route is called in metrics, and by what it is known over reloads. */
import type { RoutePlan } from "@stack/config";

/** "shop.test/api/*", "/healthz", "/^\/x/" and its conditions, if it has some. */
export function routeLabel(route: RoutePlan): string {
  const star = route.match === "prefix" ? (route.path.endsWith("/") ? "*" : "/*") : "";
  const place = route.pattern === undefined ? `${route.path}${star}` : `${route.pattern.written}`;
  const conditions = route.conditions === undefined ? "" : ` ${JSON.stringify(route.conditions)}`;
  return `${route.host ?? ""}${place}${conditions}`;
}

/** "app:shop", "upstream:php", "static" */
export function routeTarget({ action }: RoutePlan): string {
  if (action.kind === "app") return `app:${action.app}`;
  return action.kind === "upstream" ? `upstream:${action.upstream}` : action.kind;
}
