/**
 * The cache file, whatever happens to it: a damaged one is moved aside and begun anew, one that cannot
 * be used (a full disk, no permission) is left alone for a while. No call throws.
 */
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ErrorReport } from "@stack/base";
import { formatPurge } from "../../core/store/purge-text.ts";
import { embeddedCacheDamaged, embeddedCacheUnusable } from "../../errors.ts";
import { type CacheFile, cacheFileName, openCacheFile } from "./cache-file.ts";

export interface MendedFileOptions {
  readonly folder: string;
  readonly bytes: number;
  readonly onTrouble: (error: ErrorReport) => void;
  readonly onRecovered: () => void;
}

export interface MendedFile {
  /** What the work comes to; undefined when the file cannot be used now. */
  readonly use: <T>(work: (file: CacheFile) => T) => T | undefined;
  /** Something in it is not what was written. */
  readonly mistrust: (reason: string) => void;
  readonly close: () => void;
}

const restMs = 5_000;
/** Primary result codes of SQLite. */
const busy = 5;
const corrupt = 11;
const notDatabase = 26;
/**
 * Extended ones of what cannot be read: IOERR_READ, _SHORT_READ, _DATA, _CORRUPTFS. The other errors of
 * input and output are of a disk that is full or away, and say nothing of the file.
 */
const unreadable: ReadonlySet<number> = new Set([266, 522, 8202, 8458]);

export function createMendedFile(options: MendedFileOptions): MendedFile {
  const { folder, bytes } = options;
  let file: CacheFile | undefined;
  let restUntil = 0;
  let isTroubled = false;

  function open(): CacheFile {
    const firstPurge = () =>
      formatPurge({ target: { kind: "all" }, soft: false, atMs: Date.now() });
    try {
      return openCacheFile(folder, bytes, firstPurge);
    } catch (error) {
      if (!isDamage(error)) throw error;
      moveAside(String(error));
      return openCacheFile(folder, bytes, firstPurge);
    }
  }

  function moveAside(reason: string): void {
    try {
      file?.close();
    } catch {
      // it is given up anyway
    }
    file = undefined;
    const path = join(folder, cacheFileName);
    renameSync(path, `${path}.damaged`);
    for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
    options.onTrouble(embeddedCacheDamaged({ path, reason }).report);
    options.onRecovered();
  }

  function rest(error: unknown): void {
    restUntil = performance.now() + restMs;
    if (isTroubled) return;
    isTroubled = true;
    options.onTrouble(embeddedCacheUnusable({ folder, reason: String(error) }, error).report);
  }

  return {
    use(work) {
      if (performance.now() < restUntil) return undefined;
      try {
        file ??= open();
        const outcome = work(file);
        if (isTroubled) options.onRecovered();
        isTroubled = false;
        return outcome;
      } catch (error) {
        if (primaryCodeOf(error) === busy) return undefined;
        try {
          if (isDamage(error)) moveAside(String(error));
          else rest(error);
        } catch (failure) {
          rest(failure);
        }
        return undefined;
      }
    },
    mistrust(reason) {
      try {
        moveAside(reason);
      } catch (failure) {
        rest(failure);
      }
    },
    close() {
      file?.close();
      file = undefined;
      restUntil = Number.POSITIVE_INFINITY;
    },
  };
}

function codeOf(error: unknown): number {
  return (error as { errcode?: number }).errcode ?? 0;
}

function primaryCodeOf(error: unknown): number {
  return codeOf(error) & 0xff;
}

function isDamage(error: unknown): boolean {
  const code = primaryCodeOf(error);
  return code === corrupt || code === notDatabase || unreadable.has(codeOf(error));
}
