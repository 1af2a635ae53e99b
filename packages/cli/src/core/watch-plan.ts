/**
 * `up --watch`: which folders are watched, and whose a changed file is. A file belongs to the app with
 * the deepest `cwd` above it; what is no source (caches, versions, logs, data, files that the edge
 * serves itself) belongs to nobody.
 */
import { parsePythonTarget } from "@stack/base";
import type { AppPlan, ResolvedConfig } from "@stack/config";

export interface WatchPlan {
  /** Absolute. */
  readonly folders: readonly string[];
  readonly configFiles: ReadonlySet<string>;
  /** Scripts that an app names by their path, wherever they are. */
  readonly scripts: ReadonlyMap<string, readonly string[]>;
  /** By `cwd`, the deepest first. */
  readonly apps: readonly { readonly cwd: string; readonly names: readonly string[] }[];
  /** Absolute: nothing below them counts. */
  readonly ignored: readonly string[];
}

export type Owner =
  | { readonly kind: "nobody" }
  | { readonly kind: "config" }
  | { readonly kind: "apps"; readonly names: readonly string[] };

const ignoredNames: ReadonlySet<string> = new Set([
  "node_modules",
  "__pycache__",
  "venv",
  "4913", // what vim writes to see whether it may
]);
const ignoredEndings =
  /(?:~|\.(?:py[co]|sw[a-z]|log|pid|sock|tmp|bak|db|sqlite3?)|-(?:journal|wal|shm))$/;

/** @param stateFolder `.stack`, wherever it is */
export function planWatch(config: ResolvedConfig, stateFolder: string): WatchPlan {
  const apps = Object.values(config.apps);
  const folders = [...new Set(apps.map((app) => app.cwd))];
  const served = config.edge.plan.routes.flatMap(({ action, files }) =>
    action.kind === "static" ? [action.root] : files === undefined ? [] : [files.root],
  );
  const environments = apps.flatMap((app) =>
    "python" in app && app.python !== null ? [parentOf(parentOf(app.python))] : [],
  );
  const scripts = Map.groupBy(
    apps.filter((app) => scriptOf(app) !== undefined),
    (app) => scriptOf(app) ?? "",
  );
  const ignored = [stateFolder, ...served, ...environments];
  return {
    folders,
    configFiles: new Set([config.file]),
    scripts: new Map(
      [...scripts].map(([path, named]) => [path, named.map(({ name }) => name)] as const),
    ),
    apps: folders
      .map((cwd) => ({ cwd, names: apps.filter((app) => app.cwd === cwd).map(({ name }) => name) }))
      .sort((a, b) => b.cwd.length - a.cwd.length),
    // Of an app that lies in a folder the edge serves, the sources count.
    ignored: ignored.filter((folder) => !folders.some((cwd) => isBelow(cwd, folder))),
  };
}

/** @param path absolute */
export function ownerOf(plan: WatchPlan, path: string): Owner {
  if (plan.configFiles.has(path)) return { kind: "config" };
  const names = plan.scripts.get(path);
  if (names !== undefined) return { kind: "apps", names };
  const app = plan.apps.find(({ cwd }) => isBelow(path, cwd));
  if (app === undefined || plan.ignored.some((folder) => isBelow(path, folder))) {
    return { kind: "nobody" };
  }
  const parts = path.slice(app.cwd.length).split("/");
  if (parts.some(isIgnoredName) || ignoredEndings.test(path)) return { kind: "nobody" };
  return { kind: "apps", names: app.names };
}

/** Absolute: of an app whose `app` is a file. */
function scriptOf(app: AppPlan): string | undefined {
  const named = "app" in app ? parsePythonTarget(app.app) : undefined;
  if (named?.kind !== "file") return undefined;
  const parts = named.path.startsWith("/") ? [] : app.cwd.split("/");
  for (const part of named.path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Hidden files and folders are tools' own; what an app reads is the environment. */
function isIgnoredName(name: string): boolean {
  if (name.startsWith(".")) return !name.startsWith(".env");
  return name.startsWith("#") || ignoredNames.has(name);
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
