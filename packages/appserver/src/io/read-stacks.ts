/**
 * Where a Python worker is: it writes that to a file on a signal (`stack_worker/stacks.py`), piece by
 * piece and without a word when it is done.
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
  let fd: number;
  try {
    // The folder may be another user's: a link there must not make us write or tell what is not theirs.
    fd = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return []; // it is gone, and its file
  }
  try {
    if (!isOnlyIts(fd)) return [];
    ftruncateSync(fd);
    ask();
    await untilQuiet(fd);
    const lines = readStart(fd).trimEnd().split("\n");
    return lines.length === 1 && lines[0] === "" ? [] : lines.slice(0, mostLines);
  } catch {
    return [];
  } finally {
    closeSync(fd);
  }
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
