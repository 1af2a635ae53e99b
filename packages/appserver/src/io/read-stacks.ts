/**
 * Where a Python worker is: it writes that to a file on a signal (`stack_worker/stacks.py`), piece by
 * piece and without a word when it is done. The same file says where it was when it crashed.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";

export interface StacksSource {
  readonly file: string;
  /** Makes it write. */
  readonly ask: () => void;
}

const lookEveryMs = 20;
/** So long without another byte is the end, where some came. */
const quietMs = 100;
const deadlineMs = 1_000;
const mostLines = 400;
const mostBytes = 256 * 1024;

/** Empty when it says nothing; never rejects. */
export async function readStacks({ file, ask }: StacksSource): Promise<readonly string[]> {
  const fd = open(file);
  if (fd === undefined) return [];
  try {
    if (!isOnlyIts(fd)) return [];
    ftruncateSync(fd);
    ask();
    await untilQuiet(fd);
    return linesOf(readStart(fd));
  } catch {
    return [];
  } finally {
    closeSync(fd);
  }
}

/** Of a worker that has ended: "Fatal Python error: …" and what follows; empty when it did not crash. */
export function readCrash(file: string): readonly string[] {
  const fd = open(file);
  if (fd === undefined) return [];
  try {
    const text = isOnlyIts(fd) ? readStart(fd) : "";
    const start = text.lastIndexOf("Fatal Python error: ");
    return start < 0 ? [] : linesOf(text.slice(start));
  } catch {
    return [];
  } finally {
    closeSync(fd);
  }
}

/** The folder may be another user's: a link there must not make us write or tell what is not theirs. */
function open(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined; // it is gone, and its file
  }
}

function linesOf(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.slice(0, mostLines);
}

/** A plain file with no other name: a hard link would be somebody else's file. */
function isOnlyIts(fd: number): boolean {
  const found = fstatSync(fd);
  return found.isFile() && found.nlink === 1;
}

function readStart(fd: number): string {
  const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, mostBytes));
  const read = readSync(fd, buffer, 0, buffer.length, 0);
  return buffer.toString("utf8", 0, read);
}

async function untilQuiet(fd: number): Promise<void> {
  const end = performance.now() + deadlineMs;
  let size = 0;
  let since = performance.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    const now = performance.now();
    const grown = fstatSync(fd).size;
    if (grown !== size) since = now;
    size = grown;
    if (now >= end || (size > 0 && now - since >= quietMs)) return;
  }
}
