/**
 * A server that does not interrupt who wakes it. A worker on the same core that has sent an answer would else
 * be put aside for it at once, a change of process there and back for each request; so the worker goes on
 * until it waits or its turn is over, and the server finds several answers. What it costs stands in ADR 26.
 */
import { runToEnd } from "./run-to-end.ts";

const deadlineMs = 5_000;

/**
 * Gives all threads of a process the policy `SCHED_BATCH`: the same share of the processor, but a wake-up takes
 * its turn. Threads made later inherit it. Where there is no `chrt` (of util-linux), or it is not allowed, all
 * stays as it is.
 */
export async function setBatchPolicy(pid: number): Promise<void> {
  if (process.platform !== "linux") return;
  const command = ["chrt", "--all-tasks", "--batch", "--pid", "0", String(pid)] as const;
  try {
    await runToEnd(command, {
      cwd: "/",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      deadlineMs,
    });
  } catch {
    // it serves as well without
  }
}
