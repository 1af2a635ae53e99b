/** A folder with all that is above it. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * As `mkdirSync` with `recursive`, which never returns where a parent exists but can have no folders
 * in it (below /proc a new one is "not found" however often its parent is made).
 *
 * @param mode of each folder that is made, before the umask
 * @throws what the system says about the folder that cannot be made
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent, mode);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    // Somebody else was faster, perhaps.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
