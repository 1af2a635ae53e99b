/** Absolute paths of this package's programs. */
import { programFile } from "@stack/base";

const index = import.meta.resolve("@stack/supervisor");

export const keeperEntry: string = programFile(index, "keeper");
export const stackdEntry: string = programFile(index, "stackd");
export const fallbackEdgeEntry: string = programFile(index, "fallback-edge");
