/**
 * `accessLog.rotate`: a log that has grown beyond its size is renamed to `.1`, the one before to
 * `.2`, and so on; the threads see that their file has moved and go on in a new one. Done by the main
 * thread of the edge that is not draining, so that nobody does it twice.
 */
import { rename, stat, unlink } from "node:fs/promises";
import type { Logger } from "@stack/base";
import type { EdgePlan } from "@stack/config";

export interface LogRotation {
  readonly configure: (plan: EdgePlan["accessLog"]) => void;
  readonly close: () => void;
}

const checkMs = 1_000;

export function createLogRotation(log: Logger): LogRotation {
  let timer: NodeJS.Timeout | undefined;
  let told = false;

  const check = async (file: string, bytes: number, keep: number): Promise<void> => {
    try {
      const { size } = await stat(file);
      if (size < bytes) return;
      if (keep === 0) await unlink(file);
      else await shift(file, keep);
      told = false;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || told) return; // nothing was logged yet
      told = true;
      log.warn(`the access log ${file} cannot be rotated: ${message}`);
    }
  };
  const close = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  return {
    configure(plan) {
      close();
      const { file, rotate } = plan ?? {};
      if (file === undefined || rotate === undefined) return;
      let checking = false;
      timer = setInterval(() => {
        if (checking) return;
        checking = true;
        // It never rejects: it says what goes wrong.
        void check(file, rotate.bytes, rotate.keep).finally(() => {
          checking = false;
        });
      }, checkMs).unref();
    },
    close,
  };
}

/** From the oldest on; the one beyond the last is overwritten. */
async function shift(file: string, keep: number): Promise<void> {
  for (let number = keep - 1; number >= 1; number -= 1) {
    await rename(`${file}.${number}`, `${file}.${number + 1}`).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    });
  }
  await rename(file, `${file}.1`);
}
