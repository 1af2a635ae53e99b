/** Where the entry points of this package lie, for those who start them. */
import { fileURLToPath } from "node:url";

/** `node ENTRY --control PATH --run DIR --app NAME --instance N` */
export const arbiterEntry: string = fileURLToPath(
  new URL("../../dist/bin/arbiter.js", import.meta.url),
);
