/** The entry points of the other packages' programs: the command line is where they are put together. */
import { arbiterEntry } from "@stack/appserver";
import { programFile } from "@stack/base";
import type { KeeperOptions } from "@stack/supervisor";

/** Answers what the edge would do with one request. */
export function explainEntry(): string {
  return edgeProgram("explain");
}

export function resolveEntries(): Pick<KeeperOptions, "arbiter" | "edge"> {
  return { arbiter: arbiterEntry, edge: edgeProgram("edge") };
}

/** Beside the built index of its package, which is not loaded for it. */
function edgeProgram(name: string): string {
  return programFile(import.meta.resolve("@stack/edge"), name);
}
