/** What keys of one route say together. */
import type { z } from "zod";
import { redirectFields, unknownFields } from "../placeholders.ts";

interface CheckedRoute {
  readonly path: string | RegExp;
  readonly static?: { readonly fallback?: string | undefined } | undefined;
  readonly internal: boolean;
  readonly app?: string | undefined;
  readonly upstream?: string | undefined;
  readonly split?: unknown;
  readonly sticky?: unknown;
  readonly mirror?: unknown;
  readonly rewrite?: string | undefined;
  readonly stripPrefix: boolean;
  readonly requestHeaders?: unknown;
  readonly cache?: unknown;
  readonly redirect?: { readonly to: string } | undefined;
}

export function checkRoute(route: CheckedRoute, context: z.core.$RefinementCtx): void {
  const report = (path: readonly string[], message: string): void => {
    context.addIssue({ code: "custom", path: [...path], message });
  };
  const isForwarded =
    route.app !== undefined || route.upstream !== undefined || route.split !== undefined;
  for (const key of ["rewrite", "mirror", "requestHeaders"] as const) {
    if (route[key] !== undefined && !isForwarded) {
      report([key], "only an app or an upstream sees the request; remove it");
    }
  }
  if (route.static !== undefined && isForwarded) {
    if (route.static.fallback !== undefined) {
      report(["static", "fallback"], "what is no file goes to the app here; remove it");
    }
    if (route.internal) report(["internal"], "an app answers here as well; remove it");
  }
  if (route.cache !== undefined && route.app === undefined && route.upstream === undefined) {
    report(["cache"], "only answers of an app or an upstream are kept; remove it");
  }
  if (route.rewrite !== undefined && route.stripPrefix) {
    report(["stripPrefix"], 'cannot be with `rewrite`; begin that with "{rest}"');
  }
  if (route.sticky !== undefined && route.split === undefined) {
    report(["sticky"], "only requests that are `split` can stay somewhere; remove it");
  }
  const captures = typeof route.path === "string" ? [] : captureNames(route.path);
  if (route.redirect !== undefined) {
    const known = [...redirectFields, ...captures];
    for (const message of unknownFields(route.redirect.to, known))
      report(["redirect", "to"], message);
  }
  if (route.rewrite !== undefined) {
    const known = [...redirectFields, ...captures];
    for (const message of unknownFields(route.rewrite, known)) report(["rewrite"], message);
  }
}

/** "1" … and the names of its groups. */
function captureNames(pattern: RegExp): readonly string[] {
  // An alternative that matches everything: the match has all groups, whatever was in them.
  const found = new RegExp(`(?:${pattern.source})|`).exec("");
  const numbers = Array.from({ length: (found?.length ?? 1) - 1 }, (_, index) => `${index + 1}`);
  return [...numbers, ...Object.keys(found?.groups ?? {})];
}
