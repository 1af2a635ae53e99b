/** The exit codes as `stack help exit` prints them; docs/reference/exit-codes.md is checked against it. */
import { exitCodes } from "@stack/base";

export interface ExitRow {
  readonly code: number;
  readonly name: string;
  readonly meaning: string;
}

export const exitRows: readonly ExitRow[] = [
  { code: exitCodes.ok, name: "ok", meaning: "also Ctrl-C of a foreground `up` that drained" },
  { code: exitCodes.internal, name: "internal", meaning: "a bug in stack" },
  { code: exitCodes.usage, name: "usage", meaning: "unknown command or flag, bad argument" },
  { code: exitCodes.config, name: "config", meaning: "config missing, not loadable or invalid" },
  {
    code: exitCodes.environment,
    name: "environment",
    meaning: "port taken, permission, interpreter missing",
  },
  {
    code: exitCodes.appNotReady,
    name: "app-not-ready",
    meaning: "import error, crash loop, boot timeout, degraded",
  },
  { code: exitCodes.mixedState, name: "mixed-state", meaning: "half changed: needs a person" },
  { code: exitCodes.notRunning, name: "not-running", meaning: "no stack runs here" },
  { code: exitCodes.smokeFailed, name: "smoke-failed", meaning: "ready, but a check failed" },
  { code: exitCodes.timeout, name: "timeout", meaning: "--timeout passed; it may still go on" },
  { code: exitCodes.differs, name: "differs", meaning: "a comparison found differences" },
  {
    code: exitCodes.locked,
    name: "locked",
    meaning: "already running, or another change under way: try again",
  },
  { code: 130, name: "interrupted", meaning: "Ctrl-C before it was done (143: TERM)" },
];

export function formatExitRows(): string {
  return exitRows
    .map((row) => `${String(row.code).padStart(4)}  ${row.name.padEnd(14)}  ${row.meaning}`)
    .join("\n");
}
