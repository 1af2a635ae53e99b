/** `user` and `group` of the edge, apps and programs: there must be such, and only root can become somebody else. */
import type { Problem } from "./problem.ts";
import { suggest } from "./suggest.ts";

export interface AccountProbe {
  readonly uid: (written: string | number) => number | undefined;
  readonly gid: (written: string | number) => number | undefined;
  readonly userNames: () => readonly string[];
  readonly groupNames: () => readonly string[];
  /** Who runs the stack. */
  readonly ownUid: number;
  readonly ownGid: number;
}

export function checkAccounts(input: unknown, probe: AccountProbe): readonly Problem[] {
  const config = (input ?? {}) as {
    readonly edge?: unknown;
    readonly apps?: unknown;
    readonly programs?: unknown;
  };
  return [
    ...checkEdge(config.edge, probe),
    ...checkEach("apps", config.apps, probe),
    ...checkEach("programs", config.programs, probe),
  ];
}

function checkEach(
  section: "apps" | "programs",
  entries: unknown,
  probe: AccountProbe,
): readonly Problem[] {
  if (typeof entries !== "object" || entries === null) return [];
  return Object.entries(entries).flatMap(([name, written]) =>
    checkEntry([section, name], written, probe),
  );
}

/** The folders and sockets it is given are its user's: a group alone would be given none. */
function checkEdge(written: unknown, probe: AccountProbe): readonly Problem[] {
  const { user, group } = (written ?? {}) as Written;
  const problems = checkEntry(["edge"], written, probe);
  if (!isName(group)) return problems;
  const gid = probe.gid(group);
  const isOthers = probe.ownUid !== 0 && gid !== undefined && gid !== probe.ownGid;
  if (user !== undefined && !isOthers) return problems;
  const message = isOthers
    ? `only root can run it as "${group}"; remove it, or start the stack as root`
    : "is of use only beside `user`: say who the edge runs as, or remove it";
  return [...problems, { path: ["edge", "group"], message }];
}

interface Written {
  readonly user?: unknown;
  readonly group?: unknown;
}

function checkEntry(
  path: readonly string[],
  written: unknown,
  probe: AccountProbe,
): readonly Problem[] {
  const { user, group } = (written ?? {}) as Written;
  const problems: Problem[] = [];
  if (isName(user)) {
    const uid = probe.uid(user);
    if (uid === undefined) {
      problems.push({
        path: [...path, "user"],
        message: unknown("user", user, probe.userNames()),
      });
    } else if (probe.ownUid !== 0 && uid !== probe.ownUid) {
      const message = `only root can run it as "${user}"; remove it, or start the stack as root`;
      problems.push({ path: [...path, "user"], message });
    }
  }
  if (isName(group) && probe.gid(group) === undefined) {
    const message = unknown("group", group, probe.groupNames());
    problems.push({ path: [...path, "group"], message });
  }
  return problems;
}

function isName(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function unknown(kind: "user" | "group", name: string | number, known: readonly string[]): string {
  const nearest = suggest(String(name), known);
  const hint = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
  return `this system has no ${kind} "${name}"${hint}`;
}
