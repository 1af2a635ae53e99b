export { arbiterEntry } from "./io/entries.ts";
