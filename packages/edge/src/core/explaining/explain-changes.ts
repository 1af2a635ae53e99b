/** What a route changes on the way to the app and back, and what stands before it. */
import type { HeaderChanges, RoutePlan } from "@stack/config";
import { nameOf, percent } from "./explain-action.ts";

export interface ExplainedChanges {
  /** "set X-A: 1", "add …", "remove …" */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  /** Rate limits, addresses, logins, CORS, mirrors, error pages: one line each. */
  readonly rules: readonly string[];
}

export function explainChanges(route: RoutePlan | undefined): ExplainedChanges {
  if (route === undefined) return { requestHeaders: [], responseHeaders: [], rules: [] };
  return {
    requestHeaders: listChanges(route.requestHeaders),
    responseHeaders: listChanges(route.responseHeaders),
    rules: [...protectionRules(route), ...otherRules(route)],
  };
}

function listChanges(changes: HeaderChanges | undefined): readonly string[] {
  if (changes === undefined) return [];
  return [
    ...changes.set.map(([name, value]) => `set ${name}: ${value}`),
    ...changes.add.map(([name, value]) => `add ${name}: ${value}`),
    ...changes.remove.map((name) => `remove ${name}`),
  ];
}

function protectionRules({ protection }: RoutePlan): readonly string[] {
  if (protection === undefined) return [];
  const { allow, deny, rateLimit, inFlight, bytesPerSecond, auth, security } = protection;
  return [
    ...(allow === null ? [] : [`only clients from ${allow.join(", ")}`]),
    ...(deny.length === 0 ? [] : [`no clients from ${deny.join(", ")}`]),
    ...(rateLimit === null
      ? []
      : [
          `at most ${rateLimit.count} requests in ${rateLimit.periodMs / 1000}s, by ${rateLimit.key.kind}, burst ${rateLimit.burst}${rateLimit.dryRun ? " (dry run)" : ""}`,
        ]),
    ...(inFlight === null ? [] : [`at most ${inFlight.limit} at once, by ${inFlight.key.kind}`]),
    ...(bytesPerSecond === 0 ? [] : [`answers at most ${bytesPerSecond} bytes/s`]),
    ...(auth === null
      ? []
      : [
          auth.kind === "basic"
            ? `a password of ${auth.file}`
            : `whom ${nameOf(auth)} lets through`,
        ]),
    ...(security === null ? [] : [`security headers: ${security}`]),
  ];
}

function otherRules(route: RoutePlan): readonly string[] {
  const { cors, mirror, upgrade } = route;
  return [
    ...(cors === undefined
      ? []
      : [`CORS for ${cors.origins === "*" ? "any origin" : cors.origins.join(", ")}`]),
    ...(mirror === undefined
      ? []
      : [`a copy of ${percent(mirror.share)} goes to ${nameOf(mirror.target)}`]),
    ...(upgrade === undefined || upgrade.length === 0
      ? []
      : [`may switch to ${upgrade.join(", ")}`]),
    ...(route.replaceErrors === true ? ["errors are replaced by pages of edge.errorPages"] : []),
    ...(route.duringMaintenance === true ? ["answers during maintenance"] : []),
    ...(route.compression === false ? ["is not compressed"] : []),
  ];
}
