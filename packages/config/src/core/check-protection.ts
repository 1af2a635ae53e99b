/** What the protective keys of a route name must exist; networks must be networks. */
import { isNetwork } from "./cidr.ts";
import type { FolderProbe } from "./cross-check.ts";
import type { Problem } from "./problem.ts";

type Path = readonly (string | number)[];
type Names = { readonly apps: readonly string[]; readonly upstreams: readonly string[] };
/** Says that a name is not there, and what is. */
type UnknownName = (name: string, what: string, known: readonly string[]) => string;

export function checkProtection(
  written: Readonly<Record<string, unknown>>,
  path: Path,
  names: Names,
  unknownName: UnknownName,
  probe: FolderProbe,
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
  return [...problems, ...checkAuth(route.auth, [...path, "auth"], names, unknownName, probe)];
}

function checkAuth(
  written: unknown,
  path: Path,
  names: Names,
  unknownName: UnknownName,
  probe: FolderProbe,
): readonly Problem[] {
  if (typeof written !== "object" || written === null) return [];
  const { forward, basic, ...more } = written as { forward?: unknown; basic?: unknown };
  if ((forward === undefined) === (basic === undefined)) {
    return [{ path, message: "say who may pass: `forward` or `basic`, one of them" }];
  }
  if (basic !== undefined) {
    const stray = Object.keys(more)
      .filter((key) => ["path", "copy", "timeout"].includes(key))
      .map((key) => ({ path: [...path, key], message: "belongs to `forward`; remove it" }));
    return [...stray, ...checkPasswords(basic, [...path, "basic", "file"], probe)];
  }
  if (typeof forward !== "string" || forward === "") return [];
  const known = [...names.apps, ...names.upstreams];
  if (!known.includes(forward)) {
    const message = unknownName(forward, "apps or upstreams", known);
    return [{ path: [...path, "forward"], message }];
  }
  if (!names.apps.includes(forward) || !names.upstreams.includes(forward)) return [];
  const message = `"${forward}" is an app and an upstream; give one of them another name`;
  return [{ path: [...path, "forward"], message }];
}

function checkPasswords(basic: unknown, path: Path, probe: FolderProbe): readonly Problem[] {
  const { file } = basic as { readonly file?: unknown };
  if (typeof file !== "string" || file === "") return [];
  const { absolute, state } = probe(file);
  if (state === "other") return [];
  const why =
    state === "missing"
      ? `does not exist; make it with "htpasswd -B -c ${file} NAME"`
      : "is a folder; name the file";
  return [{ path, message: `${absolute} ${why}` }];
}
