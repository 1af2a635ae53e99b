/** Which upgrades a route allows, where it says so and where it does not. */

interface Upgradable {
  readonly app?: string | undefined;
  readonly upstream?: string | undefined;
  readonly upgrade?: false | readonly string[] | undefined;
}

/** A WSGI application cannot keep a connection (PEP 3333 has no word for it). */
const kindsWithUpgrades: ReadonlySet<string> = new Set(["asgi", "node", "command"]);
const byDefault = ["websocket"];

/** For a `RoutePlan`; nothing where no upgrade is allowed. */
export function resolveUpgrade(
  route: Upgradable,
  apps: Readonly<Record<string, { readonly kind: string }>>,
  upstreams: Readonly<Record<string, { readonly protocol: string }>>,
): { readonly upgrade?: readonly string[] } {
  if (route.upgrade === false) return {};
  if (route.upgrade !== undefined) return { upgrade: route.upgrade };
  if (route.upstream !== undefined) {
    return upstreams[route.upstream]?.protocol === "http" ? { upgrade: byDefault } : {};
  }
  const kind = route.app === undefined ? undefined : apps[route.app]?.kind;
  return kind !== undefined && kindsWithUpgrades.has(kind) ? { upgrade: byDefault } : {};
}
