/** Finds processes by a mark in their environment: whatever they forked and however they detached. */
import { readdirSync, readFileSync } from "node:fs";

/**
 * The living processes whose environment had `name=value` when they were started, without this one
 * and its ancestors. Those of other users are seen by root only.
 */
export function findByEnvironment(name: string, value: string): number[] {
  const kin = ancestry(process.pid);
  const mark = `${name}=${value}`;
  return readdirSync("/proc").flatMap((entry) => {
    const pid = Number(entry);
    return Number.isInteger(pid) && !kin.has(pid) && hasMark(pid, mark) ? [pid] : [];
  });
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark);
  } catch {
    return false; // gone, or another user's
  }
}

function ancestry(pid: number): ReadonlySet<number> {
  const kin = new Set<number>();
  for (let current = pid; current > 1 && !kin.has(current); ) {
    kin.add(current);
    try {
      const status = readFileSync(`/proc/${current}/status`, "latin1");
      current = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      break;
    }
  }
  return kin;
}
