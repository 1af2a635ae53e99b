/** `user` and `group` of apps and programs: there must be such, and only root can become somebody else. */
import type { Problem } from "./problem.ts";
import { suggest } from "./suggest.ts";

export interface AccountProbe {
  readonly uid: (written: string | number) => number | undefined;
  readonly gid: (written: string | number) => number | undefined;
  readonly userNames: () => readonly string[];
  readonly groupNames: () => readonly string[];
  /** Who runs the stack. */
  readonly ownUid: number;
}

export function checkAccounts(input: unknown, probe: AccountProbe): readonly Problem[] {
  const config = (input ?? {}) as { readonly apps?: unknown; readonly programs?: unknown };
  return [
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
  return Object.entries(entries).flatMap(([name, written]) => {
    const { user, group } = (written ?? {}) as {
      readonly user?: unknown;
      readonly group?: unknown;
    };
    const path = [section, name];
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
  });
}

function isName(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function unknown(kind: "user" | "group", name: string | number, known: readonly string[]): string {
  const nearest = suggest(String(name), known);
  const hint = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
  return `this system has no ${kind} "${name}"${hint}`;
}
