/** What the facts about a Python module mean for the app that names it: the error, or none. */
import { parsePythonTarget, type StackError } from "@stack/base";
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
  const named = parsePythonTarget(target);
  const module = named.kind === "file" ? named.path : named.module;
  const callable = named.callable?.replace(/\(.*$/, "");
  if (facts.tooOld) {
    return pythonTooOld({ app, python: plan.python ?? "python3", version: facts.version, place });
  }
  if (facts.missing !== null) {
    const isFile = named.kind === "file";
    const wanted = isFile ? module : (facts.missing.split(".").at(-1) ?? "");
    const near = suggest(wanted, facts.siblings);
    const corrected =
      near === undefined ? undefined : target.replace(module, module.replace(wanted, near));
    const path = isFile ? module : `${facts.missing.replaceAll(".", "/")}.py`;
    return cannotImport({
      app,
      target,
      facts: [
        isFile
          ? `there is no file ${path.startsWith("/") ? path : `${plan.cwd}/${path}`}`
          : `there is no ${path} in ${plan.cwd}, nor a module "${facts.missing}" on Python's path`,
      ],
      fixes:
        corrected === undefined
          ? [`create ${path}, or correct apps.${app}.app`]
          : [`apps.${app}.app = "${corrected}"`],
      place,
    });
  }
  const roots = callable === undefined ? ["application", "app"] : [callable.split(".")[0] ?? ""];
  if (facts.names === null || roots.some((name) => facts.names?.includes(name))) return undefined;
  const [root = ""] = roots;
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
