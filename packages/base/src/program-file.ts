import { fileURLToPath } from "node:url";

/**
 * Absolute path of one of our programs, for who starts it: always the built file, as a child is started
 * by plain Node.
 *
 * @param index where the package's index lies: `import.meta.resolve("@stack/edge")`
 */
export function programFile(index: string, name: string): string {
  return fileURLToPath(new URL(`bin/${name}.js`, index));
}
