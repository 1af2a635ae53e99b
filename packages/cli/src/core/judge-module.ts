/** What the facts about a Python module mean for the app that names it: the error, or none. */
import type { StackError } from "@stack/base";
import type { AppPlan } from "@stack/config";
import { cannotImport, pythonTooOld } from "@stack/process";
import { suggest } from "./suggest.ts";

type PythonPlan = Extract<AppPlan, { kind: "wsgi" | "asgi" }>;

export interface ModuleFacts {
  /** "3.11.2" */
  readonly version: string;
  readonly tooOld: boolean;
  /** The source or folder found; null when there is no such module. */
  readonly file: string | null;
  /** The part of a dotted name that is missing: "shop.wsgi" when shop is there. */
  readonly missing: string | null;
  /** Modules beside the missing one. */
  readonly siblings: readonly string[];
  /** Top-level names; null when they cannot be told without running it. */
  readonly names: readonly string[] | null;
}

/** Undefined when nothing is wrong. */
export function judgeModule(plan: PythonPlan, facts: ModuleFacts): StackError | undefined {
  const { name: app, app: target, place } = plan;
  const colon = target.indexOf(":");
  const module = target.slice(0, colon);
  const callable = target.slice(colon + 1).replace(/\(.*$/, "");
  if (facts.tooOld) {
    return pythonTooOld({ app, python: plan.python ?? "python3", version: facts.version, place });
  }
  if (facts.missing !== null) {
    const wanted = facts.missing.split(".").at(-1) ?? "";
    const near = suggest(wanted, facts.siblings);
    const corrected = near === undefined ? undefined : module.replace(wanted, near);
    const path = `${facts.missing.replaceAll(".", "/")}.py`;
    return cannotImport({
      app,
      target,
      facts: [
        `there is no ${path} in ${plan.cwd}, nor a module "${facts.missing}" on Python's path`,
      ],
      fixes:
        corrected === undefined
          ? [`create ${path}, or correct apps.${app}.app`]
          : [`apps.${app}.app = "${corrected}:${callable}"`],
      place,
    });
  }
  const root = callable.split(".")[0] ?? "";
  if (facts.names === null || facts.names.includes(root)) return undefined;
  const near = suggest(root, facts.names) ?? facts.names.find((name) => name === "app");
  const shown = facts.names.filter((name) => !name.startsWith("_")).slice(0, 8);
  return cannotImport({
    app,
    target,
    facts: [
      `${facts.file} has no name "${root}"${shown.length === 0 ? "" : `. It defines: ${shown.join(", ")}`}`,
    ],
    fixes: [
      near === undefined
        ? `define ${root} in it, or correct apps.${app}.app`
        : `apps.${app}.app = "${module}:${near}"`,
    ],
    place,
  });
}
