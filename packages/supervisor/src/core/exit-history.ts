/** The last exits of each service, with their reasons; the last words of the last one only. */
import type { LastExit } from "@stack/control";

export type ExitHistory = Readonly<Record<string, readonly LastExit[]>>;

const keptPerService = 20;

export function addExit(history: ExitHistory, name: string, exit: LastExit): ExitHistory {
  const older = (history[name] ?? []).map(({ stderr: _, ...rest }) => rest);
  return { ...history, [name]: [...older, exit].slice(-keptPerService) };
}

export function lastExitOf(history: ExitHistory, name: string): LastExit | null {
  return history[name]?.at(-1) ?? null;
}
