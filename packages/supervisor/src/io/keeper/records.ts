/**
 * Which processes this stack has, on disk: read by nobody but the next keeper, after a kill -9 of
 * this one, to end what was left.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  readonly startTime: number;
}

export function writeRecords(file: string, records: readonly ProcessRecord[]): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify(records), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    // A full disk must not stop the stack: the mark in the environment finds them as well.
  }
}

export function readRecords(file: string): readonly ProcessRecord[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(parsed) ? (parsed as ProcessRecord[]) : [];
  } catch {
    return [];
  }
}

export function removeRecords(file: string): void {
  rmSync(file, { force: true });
  rmSync(`${file}.new`, { force: true });
}
