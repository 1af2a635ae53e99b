/** Finds the config a command means: in the folder it was called in, or the nearest parent. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { configMissing } from "../errors.ts";

const names = [
  "deploy.config.ts",
  "deploy.config.mts",
  "deploy.config.js",
  "deploy.config.mjs",
] as const;

/** Below it `stack serve` keeps a folder with a config for each app it serves. */
const served = join(".stack", "serve");

/**
 * The absolute path of the config. Where a folder has none of its own, what is served from there.
 *
 * @param explicit what `--config` says, relative to `cwd`; a folder means the config in it
 * @throws E1000 with where it looked and what the folder looks like
 */
export function findConfig(cwd: string, explicit?: string): string {
  if (explicit !== undefined) return findExplicit(cwd, explicit);
  const lookedIn: string[] = [];
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    lookedIn.push(folder);
    const found = findIn(folder) ?? findServed(folder);
    if (found !== undefined) return found;
    if (folder === dirname(folder)) break;
  }
  const project = recognizeProject(resolve(cwd));
  throw configMissing({
    explicit: null,
    lookedIn,
    names,
    looksLike: project?.looksLike ?? null,
    fix: `write ${join(resolve(cwd), names[0])}: ${exampleConfig(project?.app)}`,
  });
}

function findExplicit(cwd: string, explicit: string): string {
  const file = resolve(cwd, explicit);
  if (isFile(file)) return file;
  const inside = findIn(file);
  if (inside !== undefined) return inside;
  const near = nearestConfig(dirname(file));
  throw configMissing({
    explicit,
    lookedIn: [file],
    names,
    looksLike: null,
    fix: near === undefined ? "leave --config out to search for one" : `--config ${near}`,
  });
}

function findIn(folder: string): string | undefined {
  return names.map((name) => join(folder, name)).find(isFile);
}

/** Of several the one that was started last. */
function findServed(folder: string): string | undefined {
  const started = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return listFolder(join(folder, served))
    .flatMap((name) => findIn(join(folder, served, name)) ?? [])
    .sort((one, other) => started(other) - started(one))[0];
}

function nearestConfig(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = findIn(folder);
    if (found !== undefined || folder === dirname(folder)) return found;
  }
}

interface Project {
  /** "a Django project (manage.py, shop/wsgi.py)" */
  readonly looksLike: string;
  /** Its entry of `apps`, as it would be written. */
  readonly app: string;
}

/** What a folder holds, told by its files alone: nothing is imported or run. */
function recognizeProject(folder: string): Project | undefined {
  const has = (name: string): boolean => existsSync(join(folder, name));
  if (has("manage.py")) {
    const wsgi = listFolder(folder).find((name) => has(join(name, "wsgi.py")));
    const files = wsgi === undefined ? "manage.py" : `manage.py, ${wsgi}/wsgi.py`;
    return {
      looksLike: `a Django project (${files})`,
      app: `{ kind: "wsgi", app: "${wsgi ?? "project"}.wsgi:application" }`,
    };
  }
  const python = ["wsgi.py", "app.py", "main.py"].find(has);
  if (python !== undefined) {
    return {
      looksLike: `a Python web app (${python})`,
      app: `{ kind: "wsgi", app: "${python.slice(0, -".py".length)}:app" }`,
    };
  }
  if (!has("package.json")) return undefined;
  const entry = ["server.mjs", "server.js", "index.mjs", "index.js"].find(has);
  return {
    looksLike: `a Node project (package.json${entry === undefined ? "" : `, ${entry}`})`,
    app:
      entry === undefined
        ? '{ kind: "command", command: ["npm", "start"] }'
        : `{ kind: "node", entry: "${entry}" }`,
  };
}

function exampleConfig(app: string | undefined): string {
  return app === undefined
    ? 'export default { name: "site", edge: { routes: [{ path: "/*", static: { root: "." } }] } };'
    : `export default { name: "web", apps: { web: ${app} }, edge: { routes: [{ path: "/*", app: "web" }] } };`;
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
