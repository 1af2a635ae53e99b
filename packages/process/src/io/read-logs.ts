/** Reads the log files back: the last lines of all services in the order of time. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { belongsTo, type LogLine, mergeLogLines, parseLogLine } from "../core/log-line.ts";

export interface ReadLogsOptions {
  /** `logs` of the state folder. */
  readonly folder: string;
  /** Apps, instances, workers, programs; none for all. */
  readonly names: readonly string[];
  /** How many of the last lines. */
  readonly lines: number;
}

/** How much is read at once. */
export const blockBytes = 64 * 1024;

/** The last lines over all files, rotated ones included, oldest first. */
export function readLogs(options: ReadLogsOptions): LogLine[] {
  const files = currentFiles(options.folder);
  const tails = files.map((file) => readTail(file, options.names, options.lines));
  return mergeLogLines(tails).slice(-options.lines || undefined);
}

/** The newest file of each service; rotated ones have a number after it. */
export function currentFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .map((name) => join(folder, name))
    .filter(isOurs);
}

/** Whether it begins with lines of ours: the access log lies in the same folder. */
function isOurs(file: string): boolean {
  const fd = tryOpen(file);
  if (fd === undefined) return false;
  const buffer = Buffer.alloc(256);
  const length = readSync(fd, buffer, 0, buffer.length, 0);
  closeSync(fd);
  const lines = buffer.toString("utf8", 0, length).split("\n");
  return length === 0 || lines.some((line) => parseLogLine(line) !== undefined);
}

/** The last lines of one service, from its newest file back through the rotated ones. */
function readTail(file: string, names: readonly string[], limit: number): LogLine[] {
  let found: LogLine[] = [];
  for (let number = 0; found.length < limit; number += 1) {
    const fd = tryOpen(number === 0 ? file : `${file}.${number}`);
    if (fd === undefined) break;
    found = [...readBackwards(fd, names, limit - found.length), ...found];
    closeSync(fd);
  }
  return found;
}

function readBackwards(fd: number, names: readonly string[], limit: number): LogLine[] {
  const found: LogLine[] = [];
  let end = sizeOf(fd);
  let rest = Buffer.alloc(0);
  while (end > 0 && found.length < limit) {
    const start = Math.max(0, end - blockBytes);
    const block = Buffer.alloc(end - start);
    readSync(fd, block, 0, block.length, start);
    const joined = Buffer.concat([block, rest]);
    const cut = start === 0 ? 0 : joined.indexOf(0x0a) + 1;
    // Without a newline in it, the block is the middle of one long line: keep it for the next.
    if (start > 0 && cut === 0) {
      rest = joined;
    } else {
      const lines = joined.toString("utf8", cut).split("\n");
      found.unshift(...parseAll(lines, names));
      rest = joined.subarray(0, cut);
    }
    end = start;
  }
  return found.slice(-limit);
}

function parseAll(lines: readonly string[], names: readonly string[]): LogLine[] {
  return lines.flatMap((text) => {
    const line = parseLogLine(text);
    return line !== undefined && belongsTo(line.source, names) ? [line] : [];
  });
}

export function sizeOf(fd: number): number {
  return fstatSync(fd).size;
}

export function tryOpen(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch {
    return undefined;
  }
}
