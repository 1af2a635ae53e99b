/**
 * The edge does not interrupt who wakes it. A worker on the same core that has sent an answer would else be
 * put aside for it at once, a change of process there and back for each request; so the worker goes on until
 * it waits or its turn is over, and the edge finds several answers. What it costs is said in ADR 26.
 */
import { execFile } from "node:child_process";

/**
 * Gives all threads of this process the policy `SCHED_BATCH`: the same share of the processor, but a wake-up
 * takes its turn. Threads made later inherit it. Where there is no `chrt` (of util-linux), or it is not allowed,
 * all stays as it is.
 */
export function useBatchPolicy(): void {
  if (process.platform !== "linux") return;
  execFile("chrt", ["--all-tasks", "--batch", "--pid", "0", String(process.pid)], () => {});
}
