/** Password files of a thread, as they are on disk: looked at again when they were not for a second. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { type PasswordFile, parsePasswordFile } from "../../core/protection/password-file.ts";

/** Undefined: it cannot be read. */
type Told = (file: PasswordFile | undefined) => void;

export interface PasswordFiles {
  /** Calls back at once where it was looked at within the last second. */
  readonly read: (path: string, told: Told) => void;
}

interface Known {
  file: PasswordFile | undefined;
  /** Changes with the content, as far as the system tells. */
  fingerprint: string;
  lookedAt: number;
  /** Undefined when nobody looks. */
  waiting: Told[] | undefined;
}

/** A FIFO is opened at once, and then seen to be none of ours. */
const readable = constants.O_RDONLY | constants.O_NONBLOCK;
const freshMs = 1_000;
const maxBytes = 1024 * 1024;

/** @param warn told once of each state of a file that keeps somebody out */
export function createPasswordFiles(warn: (message: string) => void): PasswordFiles {
  const files = new Map<string, Known>();

  async function look(path: string, known: Known): Promise<void> {
    try {
      await using handle = await open(path, readable);
      const stats = await handle.stat();
      const fingerprint = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
      if (fingerprint === known.fingerprint) return;
      if (!stats.isFile() || stats.size > maxBytes) throw new Error("it is no file of passwords");
      const file = parsePasswordFile(await handle.readFile("utf8"));
      known.file = file;
      known.fingerprint = fingerprint;
      for (const problem of file.problems) warn(`passwords in ${path}: ${problem}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (known.fingerprint !== reason) warn(`passwords in ${path}, nobody gets in: ${reason}`);
      known.file = undefined;
      known.fingerprint = reason;
    }
  }

  return {
    read(path, told) {
      let known = files.get(path);
      if (known === undefined) {
        known = { file: undefined, fingerprint: "", lookedAt: -freshMs, waiting: undefined };
        files.set(path, known);
      }
      if (known.waiting !== undefined) {
        known.waiting.push(told);
        return;
      }
      if (performance.now() - known.lookedAt < freshMs) {
        told(known.file);
        return;
      }
      const looked = known;
      looked.waiting = [told];
      looked.lookedAt = performance.now(); // what changes while it is read is seen next time
      void look(path, looked).then(() => {
        const waiting = looked.waiting ?? [];
        looked.waiting = undefined;
        for (const one of waiting) one(looked.file);
      });
    },
  };
}
