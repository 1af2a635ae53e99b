/** Whether a stack has ended: its keeper is the last to go, and takes the control socket with it. */
import { existsSync } from "node:fs";
import { isRunning, readStartTime } from "@stack/process";
import type { StackPlace } from "./session.ts";

const pollMs = 20;

/**
 * Resolves when the keeper has ended and `control.sock` is removed.
 *
 * @param deadlineMs after this false: it is still there
 */
export async function waitUntilGone(
  place: StackPlace,
  keeperPid: number | null,
  deadlineMs = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  const startTime = keeperPid === null ? undefined : readStartTime(keeperPid);
  for (;;) {
    const alive = keeperPid !== null && startTime !== undefined && isRunning(keeperPid, startTime);
    // A keeper that was killed leaves its socket behind: without the process it means nothing.
    if (!alive && (keeperPid !== null || !existsSync(place.paths.control))) return true;
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
