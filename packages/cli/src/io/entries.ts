/** The entry points of the other packages' programs: the command line is where they are put together. */
import { fileURLToPath } from "node:url";
import { arbiterEntry } from "@stack/appserver";
import type { KeeperOptions } from "@stack/supervisor";

/** Answers what the edge would do with one request. */
export function explainEntry(): string {
  return fileURLToPath(new URL("bin/explain.js", import.meta.resolve("@stack/edge")));
}

export function resolveEntries(): Pick<KeeperOptions, "arbiter" | "edge"> {
  return {
    arbiter: arbiterEntry,
    // Beside the built index of its package, which is not loaded for it.
    edge: fileURLToPath(new URL("bin/edge.js", import.meta.resolve("@stack/edge"))),
  };
}
