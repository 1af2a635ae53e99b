/**
 * One log file, written as lines come and rotated by size. It never blocks and never fails: what
 * cannot be written (full disk, lost folder, too much at once) is dropped and counted, and the file
 * says so as soon as it can.
 */
import { close, fstat, mkdirSync, open, renameSync, rmSync, write } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

export interface LogWriterOptions {
  readonly file: string;
  /** The current file is moved to `file.1` when it would grow beyond this. Default 10 MB. */
  readonly maxBytes?: number;
  /** Files in all, the current one included. Default 5. */
  readonly files?: number;
  /** Waiting to be written; beyond it lines are dropped. Default 4 MB. */
  readonly maxPendingBytes?: number;
}

export interface LogWriter {
  /** One or more whole lines, each with its newline. */
  readonly write: (lines: string) => void;
  /** Lines that were lost since the start. */
  readonly dropped: () => number;
  /** When all that was written before has reached the file, or been dropped. */
  readonly flushed: () => Promise<void>;
  /** From now on it writes to whatever has the file's name, a new file if need be. */
  readonly reopen: () => void;
  readonly close: () => Promise<void>;
}

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);

export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { file, maxBytes = 10 * 2 ** 20, files = 5, maxPendingBytes = 4 * 2 ** 20 } = options;
  let pending: string[] = [];
  let pendingLength = 0;
  let fd: number | undefined;
  let size = 0;
  let lost = 0;
  /** Lost lines the file does not mention yet. */
  let untold = 0;
  /** The last write broke off within a line. */
  let torn = false;
  /** The file was moved away by somebody else. */
  let moved = false;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (pending.length > 0) {
      const batch = takeBatch();
      try {
        await store(batch);
      } catch {
        drop(batch);
        await forgetFile(); // it may have been removed, or its disk replaced
      }
    }
    running = undefined;
  }

  /** As many of the waiting lines as still fit into the current file, at least one. */
  function takeBatch(): string {
    const taken: string[] = [];
    let length = 0;
    for (const lines of pending) {
      if (taken.length > 0 && (size + length + lines.length > maxBytes || length > 2 ** 20)) break;
      taken.push(lines);
      length += lines.length;
    }
    pending = pending.slice(taken.length);
    pendingLength -= length;
    return taken.join("");
  }

  async function store(batch: string): Promise<void> {
    if (moved) await forgetFile();
    moved = false;
    if (fd !== undefined && size > 0 && size + batch.length > maxBytes) await rotate();
    fd ??= await openCurrent();
    const head = (torn ? "\n" : "") + (untold > 0 ? noteOfLoss(untold) : "");
    const bytes = Buffer.from(head + batch);
    const written = await writeSome(fd, bytes);
    size += written;
    if (written === bytes.length) {
      torn = false;
      untold = 0;
      return;
    }
    torn = true;
    throw new Error("short write");
  }

  async function openCurrent(): Promise<number> {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const opened = await openFile(file, "a", 0o640);
    size = (await statFile(opened)).size;
    return opened;
  }

  async function rotate(): Promise<void> {
    await forgetFile();
    rmSync(`${file}.${files - 1}`, { force: true });
    for (let number = files - 2; number >= 0; number -= 1) {
      move(number === 0 ? file : `${file}.${number}`, `${file}.${number + 1}`);
    }
    if (files < 2) rmSync(file, { force: true });
  }

  async function forgetFile(): Promise<void> {
    if (fd === undefined) return;
    const open = fd;
    fd = undefined;
    await closeFile(open).catch(() => {});
  }

  function drop(lines: string): void {
    const count = countLines(lines);
    lost += count;
    untold += count;
  }

  return {
    write(lines) {
      if (pendingLength + lines.length > maxPendingBytes) {
        drop(lines);
        return;
      }
      pending.push(lines);
      pendingLength += lines.length;
      running ??= run();
    },
    dropped: () => lost,
    flushed: async () => {
      await running;
    },
    reopen() {
      moved = true;
      pending.push(""); // opens it now: whoever moved the other waits for it
      running ??= run();
    },
    async close() {
      await running;
      await forgetFile();
    },
  };
}

/** One attempt; how much of it went in, with an error only when nothing did. */
function writeSome(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

function noteOfLoss(lines: number): string {
  return `${new Date().toISOString()} keeper err ${lines} lines dropped here: they could not be written\n`;
}

function countLines(lines: string): number {
  let count = 0;
  for (let at = lines.indexOf("\n"); at >= 0; at = lines.indexOf("\n", at + 1)) count += 1;
  return count;
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // not there yet
  }
}
