/** Ends and removes what an earlier run of this stack left: processes, sockets, records. */
import { rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StatePaths } from "@stack/control";
import { findByEnvironment, isRunning, readStartTime, signalGroup } from "@stack/process";
import { type ProcessRecord, readRecords, removeRecords } from "./records.ts";

/** In the environment of all a keeper starts, with the state folder as its value. */
export const markName = "STACK_STATE";

/** How long a stackd that lost its keeper may take to drain before its stack is ended for it. */
const drainMs = 10_000;
const politeMs = 3_000;
const killMs = 5_000;

export function recordsFile(paths: StatePaths): string {
  return `${paths.state}/processes.json`;
}

/** Waits for an orderly end where one is under way; ends the rest. */
export async function endLeftovers(paths: StatePaths): Promise<void> {
  const recorded = readRecords(recordsFile(paths));
  const drains = recorded.some((record) => record.name === "stackd" && isAlive(record));
  if (drains && (await allGone(recorded, paths, drainMs))) return;
  signalAll(living(recorded, paths), "SIGTERM");
  if (await allGone(recorded, paths, politeMs)) return;
  await killLeftovers(paths, recorded);
}

/** Kills whatever still carries this stack's mark. */
export async function killLeftovers(
  paths: StatePaths,
  recorded: readonly ProcessRecord[] = [],
): Promise<void> {
  const end = performance.now() + killMs;
  while (performance.now() < end) {
    const rest = living(recorded, paths);
    if (rest.length === 0) return;
    signalAll(rest, "SIGKILL");
    await sleep(20);
  }
}

/** Sockets and records; logs, the cache and redis' data stay. */
export function removeLeftoverFiles(paths: StatePaths): void {
  rmSync(paths.run, { recursive: true, force: true });
  rmSync(paths.control, { force: true });
  removeRecords(recordsFile(paths));
  const folder = dirname(paths.control);
  if (folder === paths.state) return;
  try {
    rmdirSync(folder); // the short folder below the temporary one
  } catch {
    // not there, or somebody else put something into it
  }
}

async function allGone(
  recorded: readonly ProcessRecord[],
  paths: StatePaths,
  withinMs: number,
): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (living(recorded, paths).length > 0) {
    if (performance.now() > end) return false;
    await sleep(50);
  }
  return true;
}

function living(recorded: readonly ProcessRecord[], paths: StatePaths): number[] {
  const marked = findByEnvironment(markName, paths.state).filter(
    (pid) => readStartTime(pid) !== undefined, // not a zombie
  );
  const known = recorded.filter(isAlive).map((record) => record.pid);
  return [...new Set([...known, ...marked])];
}

function isAlive(record: ProcessRecord): boolean {
  return isRunning(record.pid, record.startTime);
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    if (signalGroup(pid, signal)) continue;
    try {
      process.kill(pid, signal); // no leader of a group, or gone
    } catch {
      // gone
    }
  }
}
