import { programFile } from "@stack/base";

/**
 * Absolute path of the loader: `node loaderEntry FILE [STATE_FOLDER]`, its answer on descriptor 3.
 * Whoever spawns it reads that with `readLoaderOutput` and ends it after `loaderDeadlineMs`.
 */
export const loaderEntry: string = programFile(import.meta.resolve("@stack/config"), "load-config");
