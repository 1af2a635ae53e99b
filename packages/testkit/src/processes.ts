/** What runs, as /proc tells it. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Every living process whose command line or working folder mentions the text; zombies are dead. */
export function processesMentioning(text: string): readonly RunningProcess[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map((entry) => readProcess(Number(entry)))
    .filter((found) => found !== undefined)
    .filter(({ command, folder }) => command.includes(text) || folder.startsWith(text))
    .map(({ pid, parent, command }) => ({ pid, parent, command }));
}

/** Whether a pid belongs to a living process; a zombie does not count. */
export function isAlive(pid: number): boolean {
  return readProcess(pid) !== undefined;
}

/** Sends a signal; one that has ended meanwhile needs none. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function readProcess(pid: number): (RunningProcess & { readonly folder: string }) | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
    return { pid, parent: Number(parent), command, folder: readlinkSync(`/proc/${pid}/cwd`) };
  } catch {
    return undefined; // it ended while we looked
  }
}
