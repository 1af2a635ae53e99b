/**
 * `accessLog.rotate`: the threads see that their file has moved and go on in a new one. Done by the main
 * thread of the edge that is not draining, so that nobody does it twice; not asked of an edge whose
 * log lies in a folder that is not its own.
 */
import { type Logger, rotateFile } from "@stack/base";
import type { EdgePlan } from "@stack/config";

export interface LogRotation {
  readonly configure: (plan: EdgePlan["accessLog"]) => void;
  readonly close: () => void;
}

const checkMs = 1_000;

export function createLogRotation(log: Logger): LogRotation {
  let timer: NodeJS.Timeout | undefined;
  let told = false;

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
      const onFailure = (error: Error): void => {
        if (!told) log.warn(`the access log ${file} cannot be rotated: ${error.message}`);
        told = true;
      };
      timer = setInterval(() => {
        if (checking) return;
        checking = true;
        void rotateFile(file, rotate)
          .then(() => {
            told = false;
          }, onFailure)
          .finally(() => {
            checking = false;
          });
      }, checkMs).unref();
    },
    close,
  };
}
