/** Why a process ended, in the words of `status`. */
import type { ExitStatus } from "./lifecycle.ts";

/** "exit 1", "killed by SIGKILL"; "exit unknown" when its parent did not live to see it. */
export function describeExit(status: ExitStatus): string {
  if (status.signal !== null) return `killed by ${status.signal}`;
  return `exit ${status.code ?? "unknown"}`;
}
