/** Absolute paths of this package's programs. */
import { fileURLToPath } from "node:url";

export const keeperEntry: string = entry("keeper");
export const stackdEntry: string = entry("stackd");
export const fallbackEdgeEntry: string = entry("fallback-edge");

/** Always the built file: a child is started by plain Node. */
function entry(name: string): string {
  return fileURLToPath(new URL(`../dist/bin/${name}.js`, import.meta.url));
}
