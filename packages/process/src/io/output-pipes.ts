/**
 * Real pipes for what a child prints. Node's own "pipe" is a pair of sockets, and a socket cannot be
 * opened by name: "/dev/stderr", where php-fpm, nginx and many scripts write their log, would be
 * "No such device or address". A FIFO whose name is gone at once is such a pipe.
 */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

export interface OutputPipe {
  /** The end the child writes to; ours is to be closed once it has it. */
  readonly write: number;
  readonly closeWrite: () => void;
  /** Reads from it; whoever starts no child after all destroys it. */
  readonly output: Readable;
}

/**
 * @param make makes FIFOs with these names, open to all: a child that runs as somebody else opens
 *   them by way of its descriptor, and nobody knows their names
 * @returns undefined where there can be none: a container without mkfifo, a full disk
 */
export async function openOutputPipes(
  count: number,
  make: (paths: readonly string[]) => Promise<boolean>,
): Promise<readonly OutputPipe[] | undefined> {
  if (count === 0) return [];
  let folder: string | undefined;
  const pipes: OutputPipe[] = [];
  try {
    folder = mkdtempSync(join(tmpdir(), "stack-pipe-"));
    const base = folder;
    const paths = Array.from({ length: count }, (_, index) => join(base, String(index)));
    if (!(await make(paths))) return undefined;
    for (const path of paths) pipes.push(openPipe(path));
    return pipes;
  } catch {
    for (const { closeWrite, output } of pipes) {
      closeWrite();
      output.destroy();
    }
    return undefined;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function openPipe(path: string): OutputPipe {
  // Without a reader the other end would wait for one.
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let write: number | undefined;
  try {
    write = openSync(path, constants.O_WRONLY);
  } catch (error) {
    closeSync(read);
    throw error;
  }
  const descriptor = write;
  const output = new Socket({ fd: read, readable: true, writable: false });
  return { write: descriptor, closeWrite: () => closeSync(descriptor), output };
}
