/**
 * A failed import, as it is reported by zygote or Node worker, turned into the error the operator
 * reads: what the module does define, and the name that was probably meant.
 */
import { type ConfigPlace, parsePythonTarget, type StackError } from "@stack/base";
import { cannotImport } from "@stack/process";
import { importRaised } from "../errors.ts";
import { nearest } from "./nearest.ts";

export interface ImportFailure {
  readonly kind:
    | "module-not-found"
    | "attribute-missing"
    | "not-callable"
    | "error"
    /** The app is of the kind in `found`. */
    | "other-kind"
    /** What the worker model needs is not installed. */
    | "library-missing";
  readonly module: string;
  /** The name looked up in the module. */
  readonly name: string;
  /** "app (Flask)", or modules where the module itself was not found. */
  readonly found: readonly string[];
  /** Of the app's own code; empty but for `error`. */
  readonly traceback: string;
  /** Where it was no `app` but a `middleware` or the `hooks` that failed: which. */
  readonly target?: string;
  readonly key?: "middleware" | "hooks";
}

export interface ImportedApp {
  readonly name: string;
  readonly cwd: string;
  /** "shop.wsgi:application", or the entry of a Node app. */
  readonly target: string;
  /** "app" or "entry": the key in the config. */
  readonly key: string;
  readonly place: ConfigPlace;
  /** Which one was tried, of a Python app. */
  readonly python?: string;
}

const shownTracebackLines = 20;

/** E3001 when there is no such module or name, E3002 when its own code raised. */
export function importError(named: ImportedApp, failure: ImportFailure): StackError {
  const { target, key = "middleware" } = failure;
  const app = target === undefined ? named : { ...named, target, key };
  const place = placeOf(app);
  if (failure.kind === "error") {
    const traceback = failure.traceback.trimEnd().split("\n").slice(-shownTracebackLines);
    const fixes = fixesOfMissing(app, traceback.at(-1) ?? "");
    return importRaised({ app: app.name, target: app.target, place, traceback, fixes });
  }
  return cannotImport({
    app: app.name,
    target: app.target,
    place,
    facts: factsOf(app, failure),
    fixes: fixesOf(app, failure),
  });
}

/** What an app imports is not installed for the Python that runs it. */
function fixesOfMissing(app: ImportedApp, lastLine: string): readonly string[] | undefined {
  const missing = /^ModuleNotFoundError: No module named '([^'.]+)/.exec(lastLine)?.[1];
  if (missing === undefined || app.python === undefined) return undefined;
  return [
    `${app.python} -m pip install ${missing}    # or what your requirements call it`,
    `apps.${app.name}.python = ".venv/bin/python"    # where it is installed; this was ${app.python}`,
  ];
}

function placeOf(app: ImportedApp): ConfigPlace {
  const path = app.place.configPath ?? `apps.${app.name}`;
  const configPath = path.endsWith(`.${app.key}`) ? path : `${path}.${app.key}`;
  return { ...app.place, configPath, value: app.target };
}

function factsOf(app: ImportedApp, failure: ImportFailure): readonly string[] {
  const found = failure.found.join(", ");
  switch (failure.kind) {
    case "module-not-found":
      return [
        app.key === "entry" || isFile(failure)
          ? `there is no file ${app.key === "entry" ? app.target : fileOf(app, failure)}`
          : `there is no module "${failure.module}" in ${app.cwd}, nor among what Python has installed`,
        ...(found === "" ? [] : [`there are: ${found}`]),
      ];
    case "other-kind":
      return [`${failure.module}:${failure.name} is an ${failure.found[0]?.toUpperCase()} app`];
    case "attribute-missing":
      if (app.key === "entry") {
        return [
          `${failure.module} exports no handler and lets no HTTP server listen${found === "" ? "" : `; it exports: ${found}`}`,
        ];
      }
      return [
        `${failure.module} exists, but has no name "${failure.name}". It defines: ${found === "" ? "nothing that looks like an app" : found}`,
      ];
    default:
      return [
        `"${failure.name}" in ${failure.module} cannot be called`,
        ...(found === "" ? [] : [`what can be: ${found}`]),
      ];
  }
}

function fixesOf(app: ImportedApp, failure: ImportFailure): readonly string[] {
  if (failure.kind === "other-kind") return [`apps.${app.name}.kind = "${failure.found[0]}"`];
  const ofModule = failure.kind === "module-not-found";
  const names = failure.found.map((entry) => entry.replace(/\s.*$/, ""));
  const likely = nearest(ofModule ? failure.module : failure.name, names);
  // Any module may be there for its own reasons; a name that looks like an app is likely meant.
  const candidates = likely !== undefined ? [likely] : ofModule ? [] : names.slice(0, 2);
  if (app.key === "entry") return entryFixes(app, ofModule ? likely : undefined);
  const assign = (value: string): string =>
    `apps.${app.name}.${app.key} = ${app.key === "middleware" ? `["${value}"]` : `"${value}"`}`;
  if (candidates.length > 0) {
    return candidates.map((name) =>
      assign(ofModule ? `${name}:${failure.name}` : `${failure.module}:${name}`),
    );
  }
  if (!ofModule) return [assign(`${failure.module}:NAME`)];
  if (isFile(failure)) return [assign("…")];
  return [`apps.${app.name}.cwd = "…"     # the folder that holds ${failure.module.split(".")[0]}`];
}

/** Named by its path, not as a module. */
function isFile({ module }: ImportFailure): boolean {
  return parsePythonTarget(module).kind === "file";
}

function fileOf({ cwd }: ImportedApp, { module }: ImportFailure): string {
  return module.startsWith("/") ? module : `${cwd}/${module}`;
}

function entryFixes(app: ImportedApp, likely: string | undefined): readonly string[] {
  if (likely !== undefined) return [`apps.${app.name}.entry = "${likely}"`];
  return [
    "export default (request, response) => { … }     # or an object with fetch(request), or call listen()",
  ];
}
