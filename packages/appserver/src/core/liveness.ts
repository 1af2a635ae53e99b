/**
 * Whether a worker is alive, whatever requests it has: looked at in even steps, so that a machine that
 * slept, or an arbiter that was late, takes no worker for dead.
 */

export interface LivenessTally {
  /** Looks in a row at which it was stopped (SIGSTOP), and pings in a row without an answer. */
  readonly stopped: number;
  readonly silent: number;
}

export type LivenessVerdict = "alive" | "stopped" | "silent";

export const alive: LivenessTally = { stopped: 0, silent: 0 };

/** Once may be a debugger that comes and goes. */
const stoppedLooks = 2;

/**
 * @param state of /proc/PID/stat: "T" is stopped; a traced process ("t") belongs to its debugger
 * @param answered undefined where it cannot be asked
 * @param silentLooks so many pings without an answer are too many
 */
export function tallyLiveness(
  tally: LivenessTally,
  state: string | undefined,
  answered: boolean | undefined,
  silentLooks: number,
): { readonly tally: LivenessTally; readonly verdict: LivenessVerdict } {
  const next: LivenessTally = {
    stopped: state === "T" ? tally.stopped + 1 : 0,
    silent: answered === false && state !== "t" ? tally.silent + 1 : 0,
  };
  if (next.stopped >= stoppedLooks) return { tally: next, verdict: "stopped" };
  return { tally: next, verdict: next.silent >= silentLooks ? "silent" : "alive" };
}
