import { fileURLToPath } from "node:url";

/**
 * Absolute path of the loader: `node loaderEntry FILE [STATE_FOLDER]`, its answer on descriptor 3.
 * Whoever spawns it reads that with `readLoaderOutput` and ends it after `loaderDeadlineMs`.
 */
export const loaderEntry: string = fileURLToPath(new URL("../bin/load-config.js", import.meta.url));
