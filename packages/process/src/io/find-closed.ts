/**
 * Whether somebody else may reach what we can: asked of the system itself, as that user, since modes are
 * not all there is (lists of access, namespaces).
 */
import { lstatSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { userName } from "./port-holder.ts";
import { runToEnd } from "./run-to-end.ts";

export interface ClosedPath {
  readonly path: string;
  /** What is in the way: the path itself or a folder above it, and how it stands there. */
  readonly at: string;
  readonly facts: string;
  /** Whether that is a folder. */
  readonly isFolder: boolean;
}

interface Question {
  readonly path: string;
  /** As `test` is asked; a folder is to be passed through. */
  readonly flag: "-r" | "-x";
}

const script = 'while [ $# -gt 1 ]; do test "$1" "$2" || echo "$#"; shift 2; done';
const deadlineMs = 10_000;

/**
 * Those of some paths that a user cannot read, or pass through when they are folders. What is not
 * there at all is not looked at.
 */
export async function findClosed(
  paths: readonly string[],
  user: { readonly uid: number; readonly gid: number },
): Promise<readonly ClosedPath[]> {
  const ways = paths.flatMap((path) => {
    const way = wayTo(path);
    return way === undefined ? [] : [{ path, way }];
  });
  const asked = [...new Set(ways.flatMap(({ way }) => way.map(keyOf)))];
  const closed = new Set(await ask(asked, user));
  return ways.flatMap(({ path, way }) => {
    const found = way.find((question) => closed.has(keyOf(question)));
    if (found === undefined) return [];
    const isFolder = found.flag === "-x";
    return [{ path, at: found.path, facts: describe(found.path), isFolder }];
  });
}

/** All folders above it, from the root on, and itself. */
function wayTo(path: string): readonly Question[] | undefined {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const real = realpathSync(path);
  const way: Question[] = [{ path: real, flag: statSync(real).isDirectory() ? "-x" : "-r" }];
  for (let folder = real; folder !== "/"; ) {
    folder = dirname(folder);
    way.unshift({ path: folder, flag: "-x" });
  }
  return way;
}

function keyOf({ flag, path }: Question): string {
  return `${flag}${path}`;
}

async function ask(
  keys: readonly string[],
  user: { readonly uid: number; readonly gid: number },
): Promise<readonly string[]> {
  const args = keys.flatMap((key) => [key.slice(0, 2), key.slice(2)]);
  const { stdout } = await runToEnd(["/bin/sh", "-c", script, "sh", ...args], {
    cwd: "/",
    env: {},
    deadlineMs,
    user: { uid: user.uid, gid: user.gid },
  }).catch(() => ({ stdout: "" })); // nobody to ask: what is shut will show
  // It says how many of its words were left.
  const lefts = stdout.split("\n").filter((line) => line !== "");
  return lefts.map((left) => keys[keys.length - Number(left) / 2] ?? "");
}

function describe(path: string): string {
  const { mode, uid } = lstatSync(path);
  return `mode ${(mode & 0o7777).toString(8).padStart(4, "0")}, ${userName(uid)}'s`;
}
