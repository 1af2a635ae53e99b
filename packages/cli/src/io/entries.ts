/** The entry points of the other packages' programs: the command line is where they are put together. */
import { fileURLToPath } from "node:url";
import { arbiterEntry } from "@stack/appserver";

export const entries = {
  arbiter: arbiterEntry,
  /** Beside the built index of its package, which is not loaded for it. */
  edge: fileURLToPath(new URL("bin/edge.js", import.meta.resolve("@stack/edge"))),
} as const;
