/** The protective keys of a route as the edge reads them. */
import type { BasicAuthPlan, ForwardAuthPlan, ProtectionPlan, RequestKeyPlan } from "../plans.ts";
import type { ParsedConfig } from "../schema/config.ts";

type ParsedRoute = ParsedConfig["edge"]["routes"][number];
type ParsedKey = NonNullable<ParsedRoute["inFlight"]>["key"];

/** Undefined for a route without any. */
export function resolveProtection(
  route: ParsedRoute,
  apps: Readonly<Record<string, unknown>>,
  absolute: (path: string) => string,
): ProtectionPlan | undefined {
  const { allow, deny, rateLimit, inFlight, bandwidth, auth, security, serverTiming } = route;
  const given = { allow, deny, rateLimit, inFlight, bandwidth, auth, security, serverTiming };
  if (Object.values(given).every((value) => value === undefined)) return undefined;
  return {
    allow: allow ?? null,
    deny: deny ?? [],
    rateLimit:
      rateLimit === undefined
        ? null
        : {
            key: resolveKey(rateLimit.key),
            ...rateLimit.rate,
            burst: rateLimit.burst ?? defaultBurst(rateLimit.rate),
            dryRun: rateLimit.dryRun,
          },
    inFlight:
      inFlight === undefined ? null : { key: resolveKey(inFlight.key), limit: inFlight.limit },
    bytesPerSecond: bandwidth ?? 0,
    auth: auth === undefined ? null : resolveAuth(auth, apps, absolute),
    security: security ?? null,
    ...(serverTiming === true ? { serverTiming } : {}),
  };
}

function resolveAuth(
  { forward = "", basic, path, copy, timeout }: NonNullable<ParsedRoute["auth"]>,
  apps: Readonly<Record<string, unknown>>,
  absolute: (path: string) => string,
): ForwardAuthPlan | BasicAuthPlan {
  if (basic !== undefined) {
    return { kind: "basic", file: absolute(basic.file), realm: basic.realm };
  }
  const kind = Object.hasOwn(apps, forward) ? "app" : "upstream";
  return { kind, name: forward, path, copy, timeoutMs: timeout };
}

function defaultBurst({ count, periodMs }: { count: number; periodMs: number }): number {
  return Math.max(1, Math.floor((count * 1_000) / periodMs));
}

function resolveKey(key: ParsedKey): RequestKeyPlan {
  if (key === "ip" || key === "route") return { kind: key };
  return "header" in key
    ? { kind: "header", name: key.header }
    : { kind: "cookie", name: key.cookie };
}
