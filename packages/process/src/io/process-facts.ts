/** What /proc says about one process. Every question is answered with undefined once it is gone. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

/**
 * Clock ticks since boot when a process started: with its pid an identity that no later process
 * can have. Undefined when there is no such process, or it is a zombie.
 */
export function readStartTime(pid: number): number | undefined {
  const fields = readStat(pid);
  if (fields === undefined || fields[0] === "Z" || fields[0] === "X") return undefined;
  return Number(fields[19]);
}

/** Whether the very process that was recorded still runs. */
export function isRunning(pid: number, startTime: number): boolean {
  return pid > 0 && readStartTime(pid) === startTime;
}

/** Its state as one letter: R runs, S sleeps, T is stopped, t is traced, Z has ended (proc(5)). */
export function readProcessState(pid: number): string | undefined {
  return readStat(pid)?.[0];
}

/** Processor time used by all threads, in clock ticks (100 a second on every Linux we run on). */
export function readCpuTicks(pid: number): number | undefined {
  const fields = readStat(pid);
  if (fields === undefined) return undefined;
  return Number(fields[11]) + Number(fields[12]);
}

/** Proportional set size: memory with each shared page divided among those who share it. */
export function readMemoryBytes(pid: number): number | undefined {
  try {
    const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}

/** Resident set size: as above, but each shared page counts whole. Costs far less to read. */
export function readResidentBytes(pid: number): number | undefined {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}

/** A process and all that descend from it, itself first; those whose parent has died are missing. */
export function readFamily(pid: number): readonly number[] {
  const family = [pid];
  for (const member of family) family.push(...readChildren(member));
  return family;
}

function readChildren(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1")
        .split(" ")
        .filter((child) => child !== "")
        .map(Number),
    );
  } catch {
    return [];
  }
}

export interface ProcessFacts {
  readonly pid: number;
  /** Its arguments; the name in brackets for one without. */
  readonly command: readonly string[];
  readonly uid: number;
  readonly cwd: string | undefined;
}

export function readProcessFacts(pid: number): ProcessFacts | undefined {
  try {
    const raw = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
    const command = raw === "" ? [`[${name}]`] : raw.replace(/\0+$/, "").split("\0");
    return { pid, command, uid: statSync(`/proc/${pid}`).uid, cwd: readLink(`/proc/${pid}/cwd`) };
  } catch {
    return undefined;
  }
}

/** Wall clock of a process's start, in milliseconds since 1970. */
export function readStartedAtMs(pid: number): number | undefined {
  const ticks = readStartTime(pid);
  if (ticks === undefined) return undefined;
  const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"));
  return boot === null ? undefined : Number(boot[1]) * 1000 + ticks * 10;
}

/** The fields of /proc/PID/stat after the name (proc(5) counts them from 3). */
function readStat(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // another user's
  }
}
