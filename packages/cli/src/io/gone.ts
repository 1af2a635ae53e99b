/** Whether a stack has ended: its keeper is the last to go, and takes the control socket with it. */
import { existsSync } from "node:fs";
import { isRunning, readStartTime } from "@stack/process";
import type { StackPlace } from "./session.ts";

const pollMs = 20;

/** Resolves when the keeper has ended and `control.sock` is removed. */
export async function waitUntilGone(place: StackPlace, keeperPid: number | null): Promise<void> {
  const startTime = keeperPid === null ? undefined : readStartTime(keeperPid);
  for (;;) {
    const alive = keeperPid !== null && startTime !== undefined && isRunning(keeperPid, startTime);
    // A keeper that was killed leaves its socket behind: without the process it means nothing.
    if (!alive && (keeperPid !== null || !existsSync(place.paths.control))) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
