/**
 * What a script sees that was started with `node script.js …`: many look at it to know whether they
 * are the program (`require.main === module`), what they were told, or where the project lies.
 * Runs in the worker, before the app is imported.
 */
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";

/** @param entry absolute path of the script, also by a symbolic link as those of node_modules/.bin */
export function actAsMain(entry: string, args: readonly string[]): void {
  if (!existsSync(entry)) return; // who imports it says so
  const file = realpathSync(entry);
  process.argv.splice(1, Number.POSITIVE_INFINITY, file, ...args);
  const { cache } = createRequire(file);
  // Read by Node as it makes the `require` of each CommonJS module: there as soon as the entry is.
  Object.defineProperty(process, "mainModule", {
    configurable: true,
    enumerable: true,
    get: () => cache[file],
  });
}
