/** A log that has grown beyond its size becomes `.1`, the one before `.2`, and so on. */
import { rename, stat, unlink } from "node:fs/promises";

export interface Rotation {
  readonly bytes: number;
  /** Old files that are kept. */
  readonly keep: number;
}

/** Moves the file away if it is due; whoever writes to it sees that. Rejects with the system's error. */
export async function rotateFile(file: string, { bytes, keep }: Rotation): Promise<void> {
  const found = await stat(file).catch((error: unknown) => ignoreMissing(error));
  if (found === undefined || found.size < bytes) return;
  if (keep === 0) {
    await unlink(file);
    return;
  }
  // From the oldest on; the one beyond the last is overwritten.
  for (let number = keep - 1; number >= 1; number -= 1) {
    await rename(`${file}.${number}`, `${file}.${number + 1}`).catch(ignoreMissing);
  }
  await rename(file, `${file}.1`);
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
