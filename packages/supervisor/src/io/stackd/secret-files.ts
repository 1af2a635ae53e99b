/**
 * TLS files for an edge that is not root: keys are root's alone, on most machines. They are read here,
 * as a web server reads them before it becomes its user, passed on, and watched. Kept nowhere.
 */
import { readFileSync } from "node:fs";
import { watchFiles } from "@stack/base";
import type { EdgePlan } from "@stack/config";

export interface SecretFiles {
  /** What the files of a plan hold now, by their paths; from now on these are watched. */
  readonly read: (plan: EdgePlan) => Readonly<Record<string, string>>;
}

/** All of them go in one message; the edge is left to read, and refuse, what is beyond. */
const mostCharacters = 2 * 1024 * 1024;

/** @param onChange told of the files of the last plan */
export function createSecretFiles(
  onChange: (files: Readonly<Record<string, string>>) => void,
): SecretFiles {
  let watched = "";
  let watching: Disposable | undefined;

  return {
    read(plan) {
      const paths = pathsOf(plan);
      const key = paths.join("\0");
      if (key !== watched) {
        watched = key;
        watching?.[Symbol.dispose]();
        watching =
          paths.length === 0 ? undefined : watchFiles(paths, () => onChange(readAll(paths)));
      }
      return readAll(paths);
    },
  };
}

function pathsOf({ listeners = [] }: EdgePlan): readonly string[] {
  const paths = listeners.flatMap(({ tls }) => {
    if (tls === null) return [];
    const pairs = tls.certificates.flatMap(({ cert, key }) => [cert, key]);
    return tls.clientCa === null ? pairs : [...pairs, tls.clientCa];
  });
  return [...new Set(paths)];
}

/** What cannot be read is left out: the edge says why, when it tries for itself. */
function readAll(paths: readonly string[]): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  let characters = 0;
  for (const path of paths) {
    try {
      const text = readFileSync(path, "utf8");
      characters += text.length;
      if (characters < mostCharacters) files[path] = text;
    } catch {
      // see above
    }
  }
  return files;
}
