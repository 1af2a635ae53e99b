/** Which Python runs an app: its own, that of a virtual environment, else the first on the PATH. */
import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { PythonSearch } from "../core/resolve.ts";

/**
 * A path is kept as it was found: resolving the link of a virtual environment would leave it.
 *
 * @param written the app's `python`; a bare name is looked for on the PATH
 * @param searchFolders the PATH
 */
export function findPython(
  cwd: string,
  folder: string,
  written: string | undefined,
  searchFolders: readonly string[],
): PythonSearch {
  const candidates = candidatesFor(cwd, folder, written, searchFolders);
  const python = candidates.find(isExecutable) ?? null;
  return { python, tried: [...new Set(candidates)] };
}

/** The absolute path of a program on the PATH. */
export function findOnPath(name: string, searchFolders: readonly string[]): string | undefined {
  return searchFolders.map((folder) => join(folder, name)).find(isExecutable);
}

function candidatesFor(
  cwd: string,
  folder: string,
  written: string | undefined,
  searchFolders: readonly string[],
): readonly string[] {
  const onPath = (name: string): readonly string[] =>
    searchFolders.map((searched) => join(searched, name));
  if (written !== undefined) {
    // Relative to the config like every path; beside the app is where people also mean it.
    return written.includes("/")
      ? [resolve(folder, written), resolve(cwd, written)]
      : onPath(written);
  }
  return [
    ...[cwd, folder].flatMap((place) => [
      join(place, ".venv/bin/python"),
      join(place, "venv/bin/python"),
    ]),
    ...onPath("python3"),
  ];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
