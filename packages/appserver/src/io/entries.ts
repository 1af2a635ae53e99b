/** Where the programs of this package lie, for those who start them. */
import { programFile } from "@stack/base";

const index = import.meta.resolve("@stack/appserver");

/** `node ENTRY --control PATH --run DIR --app NAME --instance N` */
export const arbiterEntry: string = programFile(index, "arbiter");
/** What runs a Node app in its worker. */
export const nodeWorkerEntry: string = programFile(index, "node-worker");
