/**
 * Larger files that are asked for again and again, in memory: what reads a file in pieces pays for
 * each with a change of threads and a copy. Bounded, and of no use for a file that has changed since.
 */
import { createBoundedCache } from "../../core/static/bounded-cache.ts";
import { readSmall } from "./static-content.ts";
import type { FoundFile } from "./static-lookup.ts";

export interface WarmFiles {
  /** All of exactly this file. Asking twice lets it be read, for those who ask later. */
  readonly ask: (file: FoundFile) => Buffer | undefined;
}

interface WarmFile {
  used: boolean;
  readonly costBytes: number;
  readonly identity: string;
  readonly body: Buffer;
}

const maxFiles = 64;
const keptNames = 1_000;

/** @param bytes of all files together, but for one that is being read */
export function createWarmFiles(bytes: number): WarmFiles {
  const files = createBoundedCache<WarmFile>({ bytes, entries: maxFiles });
  /** Asked for once, by path. */
  const asked = new Map<string, string>();
  let isReading = false;

  const read = async (file: FoundFile): Promise<void> => {
    const body = await readSmall(file);
    if (body === undefined) return;
    const { identity } = file;
    files.set(file.path, { used: false, costBytes: body.length, identity, body });
  };
  return {
    ask(file) {
      const known = files.get(file.path);
      if (known?.identity === file.identity) {
        known.used = true;
        return known.body;
      }
      if (isReading || file.size > bytes) return undefined;
      if (asked.get(file.path) !== file.identity) {
        if (asked.size >= keptNames) asked.clear();
        asked.set(file.path, file.identity);
        return undefined;
      }
      isReading = true;
      files.delete(file.path);
      // Whoever sends the file from the disk is told of its errors.
      read(file)
        .catch(() => {})
        .finally(() => {
          isReading = false;
        });
      return undefined;
    },
  };
}
