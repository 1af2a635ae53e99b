/** Names and files that `split`, `mirror` and `errorPages` point at. */
import type { FolderProbe } from "../cross-check.ts";
import type { Problem } from "../problem.ts";

/** As a person wrote it: anything. */
interface Loose {
  readonly app?: unknown;
  readonly upstream?: unknown;
  readonly split?: unknown;
  readonly mirror?: unknown;
}

interface Names {
  readonly apps: readonly string[];
  readonly upstreams: readonly string[];
}

type UnknownName = (name: string, what: string, known: readonly string[]) => string;

export function checkTargets(
  route: Loose,
  at: readonly PropertyKey[],
  names: Names,
  unknownName: UnknownName,
): readonly Problem[] {
  const split = Array.isArray(route.split) ? route.split : [];
  const problems = [
    ...split.flatMap((choice, index) =>
      checkTarget(choice, [...at, "split", index], names, unknownName),
    ),
    ...checkTarget(route.mirror, [...at, "mirror"], names, unknownName),
  ];
  const mirrored = targetOf(route.mirror);
  const own = [route, ...split].map(targetOf);
  if (mirrored !== undefined && own.includes(mirrored)) {
    problems.push({
      path: [...at, "mirror"],
      message: `${mirrored} answers this route already; it would get each request twice`,
    });
  }
  return problems;
}

export function checkErrorPages(pages: unknown, probe: FolderProbe): readonly Problem[] {
  if (typeof pages !== "object" || pages === null) return [];
  return Object.entries(pages).flatMap(([status, file]) => {
    if (typeof file !== "string" || file === "") return [];
    const { absolute, state } = probe(file);
    if (state === "other") return [];
    const why = state === "missing" ? "does not exist" : "is a folder";
    return [{ path: ["edge", "errorPages", status], message: `${absolute} ${why}` }];
  });
}

function checkTarget(
  value: unknown,
  at: readonly PropertyKey[],
  names: Names,
  unknownName: UnknownName,
): Problem[] {
  if (typeof value !== "object" || value === null) return [];
  return (["app", "upstream"] as const).flatMap((key) => {
    const name = (value as Loose)[key];
    const known = names[`${key}s`];
    if (typeof name !== "string" || known.includes(name)) return [];
    return [{ path: [...at, key], message: unknownName(name, `${key}s`, known) }];
  });
}

function targetOf(value: unknown): string | undefined {
  const { app, upstream } = (value ?? {}) as Loose;
  if (typeof app === "string") return `app "${app}"`;
  return typeof upstream === "string" ? `upstream "${upstream}"` : undefined;
}
