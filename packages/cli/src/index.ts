export type { CliContext } from "./io/session.ts";
export { main } from "./main.ts";
