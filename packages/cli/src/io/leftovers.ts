/** What a stack left behind although it has ended: processes, sockets, its lock. Nothing is right. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { StatusData } from "@stack/control";
import { isRunning, readStartTime } from "@stack/process";
import type { StackPlace } from "./session.ts";

/** Every process that was seen to belong to the stack, by pid and start time. */
export interface SeenProcesses {
  readonly note: (status: StatusData) => void;
  readonly alive: () => readonly string[];
}

export function createSeenProcesses(): SeenProcesses {
  const seen = new Map<string, { readonly pid: number; readonly startTime: number }>();
  return {
    note(status) {
      const workers = status.apps.flatMap((app) => app.workers);
      const named = [
        ...status.processes.map(({ name, pid }) => ({ name, pid })),
        ...workers.map(({ id, pid }) => ({ name: id, pid })),
      ];
      for (const { name, pid } of named) {
        const startTime = pid === null ? undefined : readStartTime(pid);
        if (pid !== null && startTime !== undefined) {
          seen.set(`${name} (pid ${pid})`, { pid, startTime });
        }
      }
    },
    alive: () =>
      [...seen].filter(([, one]) => isRunning(one.pid, one.startTime)).map(([name]) => name),
  };
}

/** Files that should have gone with the stack; logs and caches may stay. */
export function leftFiles(place: StackPlace): readonly string[] {
  const { control, lock, run } = place.paths;
  const sockets = existsSync(run)
    ? readdirSync(run, { recursive: true }).map((name) => join(run, String(name)))
    : [];
  return [...[control, lock].filter((file) => existsSync(file)), ...sockets];
}
