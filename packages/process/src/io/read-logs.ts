/** Reads the log files back: the last lines of all services in the order of time, then what follows. */
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  watch,
} from "node:fs";
import { join } from "node:path";
import { belongsTo, type LogLine, mergeLogLines, parseLogLine } from "../core/log-line.ts";
import { createLineSplitter } from "../core/split-lines.ts";

export interface ReadLogsOptions {
  /** `logs` of the state folder. */
  readonly folder: string;
  /** Apps, instances, workers, programs; none for all. */
  readonly names: readonly string[];
  /** How many of the last lines. */
  readonly lines: number;
}

const blockBytes = 64 * 1024;

/** The last lines over all files, rotated ones included, oldest first. */
export function readLogs(options: ReadLogsOptions): LogLine[] {
  const files = currentFiles(options.folder);
  const tails = files.map((file) => readTail(file, options.names, options.lines));
  return mergeLogLines(tails).slice(-options.lines || undefined);
}

/**
 * Calls back with new lines as they are written, from now on, until the signal aborts. Rotation is
 * followed; lines written within one tick arrive together, in the order of time.
 */
export function followLogs(
  options: Pick<ReadLogsOptions, "folder" | "names">,
  onLines: (lines: readonly LogLine[]) => void,
  signal: AbortSignal,
): void {
  const followed = new Map<string, FollowedFile>();
  for (const file of currentFiles(options.folder)) followed.set(file, openAtEnd(file));

  function poll(): void {
    const fresh: LogLine[][] = [];
    for (const file of currentFiles(options.folder)) {
      const known = followed.get(file) ?? startOf(file);
      followed.set(file, known);
      fresh.push(readFresh(known).filter((line) => belongsTo(line.source, options.names)));
    }
    const lines = mergeLogLines(fresh);
    if (lines.length > 0) onLines(lines);
  }

  const watcher = watch(options.folder, poll);
  watcher.on("error", () => {}); // the folder was removed: nothing more will come
  signal.addEventListener("abort", () => {
    watcher.close();
    for (const file of followed.values()) closeFollowed(file);
  });
}

function currentFiles(folder: string): string[] {
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

// ── following ───────────────────────────────────────────────────────────────────────────────────

interface FollowedFile {
  readonly file: string;
  fd: number | undefined;
  offset: number;
  readonly lines: LogLine[];
  readonly push: (chunk: string) => void;
}

function startOf(file: string): FollowedFile {
  const lines: LogLine[] = [];
  const splitter = createLineSplitter((text) => {
    const line = parseLogLine(text);
    if (line !== undefined) lines.push(line);
  });
  return { file, fd: tryOpen(file), offset: 0, lines, push: splitter.push };
}

function openAtEnd(file: string): FollowedFile {
  const followed = startOf(file);
  if (followed.fd !== undefined) followed.offset = sizeOf(followed.fd);
  return followed;
}

function readFresh(followed: FollowedFile): LogLine[] {
  readOn(followed);
  if (wasRotated(followed)) {
    closeFollowed(followed);
    followed.fd = tryOpen(followed.file);
    followed.offset = 0;
    readOn(followed);
  }
  return followed.lines.splice(0);
}

function readOn(followed: FollowedFile): void {
  if (followed.fd === undefined) return;
  const block = Buffer.alloc(blockBytes);
  for (;;) {
    const length = readSync(followed.fd, block, 0, block.length, followed.offset);
    if (length === 0) return;
    // Only up to the last newline: a character may be cut at the end of a read.
    const end = block.lastIndexOf(0x0a, length - 1) + 1;
    const usable = end === 0 && length === block.length ? length : end;
    if (usable === 0) return;
    followed.push(block.toString("utf8", 0, usable));
    followed.offset += usable;
  }
}

function wasRotated(followed: FollowedFile): boolean {
  if (followed.fd === undefined) return true;
  try {
    const now = statSync(followed.file);
    return now.ino !== fstatSync(followed.fd).ino || now.size < followed.offset;
  } catch {
    return false; // between two names: the next event finds it
  }
}

function closeFollowed(followed: FollowedFile): void {
  if (followed.fd !== undefined) closeSync(followed.fd);
  followed.fd = undefined;
}

function sizeOf(fd: number): number {
  return fstatSync(fd).size;
}

function tryOpen(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch {
    return undefined;
  }
}
