/** What the protective keys of a route name must exist; networks must be networks. */
import { isNetwork } from "./cidr.ts";
import type { Problem } from "./problem.ts";

/** @param unknownName says that a name is not there, and what is */
export function checkProtection(
  written: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
  names: { readonly apps: readonly string[]; readonly upstreams: readonly string[] },
  unknownName: (name: string, what: string, known: readonly string[]) => string,
): readonly Problem[] {
  const route: { readonly [Key in "allow" | "deny" | "auth"]?: unknown } & typeof written = written;
  const problems: Problem[] = [];
  for (const key of ["allow", "deny"] as const) {
    const list: readonly unknown[] = Array.isArray(route[key]) ? route[key] : [];
    for (const [index, written] of list.entries()) {
      if (typeof written !== "string" || isNetwork(written)) continue;
      problems.push({
        path: [...path, key, index],
        message: `${JSON.stringify(written)} is no address or network. Use "10.0.0.0/8" or "::1"`,
      });
    }
  }
  const auth = route.auth as { readonly forward?: unknown } | null | undefined;
  const forward = typeof auth === "object" ? auth?.forward : undefined;
  if (typeof forward !== "string" || forward === "") return problems;
  const known = [...names.apps, ...names.upstreams];
  if (!known.includes(forward)) {
    const message = unknownName(forward, "apps or upstreams", known);
    problems.push({ path: [...path, "auth", "forward"], message });
  } else if (names.apps.includes(forward) && names.upstreams.includes(forward)) {
    problems.push({
      path: [...path, "auth", "forward"],
      message: `"${forward}" is an app and an upstream; give one of them another name`,
    });
  }
  return problems;
}
