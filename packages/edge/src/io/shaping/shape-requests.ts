/**
 * What a route changes about its requests before an app or upstream sees them: `rewrite`,
 * `requestHeaders`; and `mirror`, which copies what came of it.
 */
import type { RoutePlan } from "@stack/config";
import type { TemplatePlace } from "../../core/routing/template.ts";
import { createEditRequest } from "../../core/shaping/edit-request.ts";
import { createRewrite } from "../../core/shaping/rewrite.ts";
import type { Backend } from "../exchange.ts";
import { createMirror } from "./mirror.ts";
import type { TargetFinder } from "./split.ts";

/** The backend itself where the route changes nothing. */
export function shapeRequests(
  route: RoutePlan,
  inner: Backend,
  place: TemplatePlace,
  target: TargetFinder,
): Backend {
  const { mirror } = route;
  const copied = mirror === undefined ? inner : createMirror(inner, mirror, target);
  if (route.rewrite === undefined && route.requestHeaders === undefined) return copied;
  const rewrite = route.rewrite === undefined ? undefined : createRewrite(route.rewrite, place);
  const edit =
    route.requestHeaders === undefined ? undefined : createEditRequest(route.requestHeaders);
  return {
    wantsBody: copied.wantsBody,
    handle(exchange) {
      if (edit !== undefined && !edit(exchange.head)) {
        exchange.fail(500, "the configured headers do not fit this request");
        return;
      }
      const status = rewrite === undefined ? 0 : rewrite(exchange.head);
      if (status === 0) copied.handle(exchange);
      else exchange.fail(status, "the address cannot be rewritten");
    },
    retire: copied.retire,
  };
}
