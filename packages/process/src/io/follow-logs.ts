/** Follows the log files as they are written, over their rotation. */
import { closeSync, fstatSync, readSync, statSync, watch } from "node:fs";
import { belongsTo, type LogLine, mergeLogLines, parseLogLine } from "../core/log-line.ts";
import { createLineSplitter } from "../core/split-lines.ts";
import { blockBytes, currentFiles, type ReadLogsOptions, sizeOf, tryOpen } from "./read-logs.ts";

interface FollowedFile {
  readonly file: string;
  fd: number | undefined;
  offset: number;
  readonly lines: LogLine[];
  readonly push: (chunk: string) => void;
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
