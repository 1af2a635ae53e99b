/**
 * Where a Python worker is: it writes that to a file on a signal (`stack_worker/stacks.py`), piece by
 * piece and without a word when it is done.
 */
import { readFileSync, statSync, truncateSync } from "node:fs";

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

/** Empty when it says nothing; never rejects. */
export async function readStacks({ file, ask }: StacksSource): Promise<readonly string[]> {
  try {
    truncateSync(file);
    ask();
    await untilQuiet(file);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    return lines.length === 1 && lines[0] === "" ? [] : lines.slice(0, mostLines);
  } catch {
    return []; // it is gone, and its file
  }
}

async function untilQuiet(file: string): Promise<void> {
  const end = performance.now() + deadlineMs;
  let size = 0;
  let since = performance.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    const now = performance.now();
    const grown = statSync(file).size;
    if (grown !== size) since = now;
    size = grown;
    if (now >= end || (size > 0 && now - since >= quietMs)) return;
  }
}
