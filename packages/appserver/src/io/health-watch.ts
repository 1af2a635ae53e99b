/**
 * Asks one worker how it is: until it answers well for the first time, then at intervals. The check
 * goes the way a request goes, and may wait as long as one.
 */
import {
  type HealthAnswer,
  type HealthTally,
  isHealthy,
  tallyHealth,
} from "../core/health-tally.ts";
import { probeHttp } from "./probe-http.ts";
import { probeWorker } from "./probe-worker.ts";
import type { WorkerAddress } from "./worker-source.ts";

export interface HealthWatchOptions {
  readonly path: string;
  /** How long a request may take: a check that waits longer says that the worker hangs. */
  readonly patienceMs: number;
  /** Between two checks of a healthy worker; 10 s unless said otherwise. */
  readonly everyMs?: number;
  readonly onHealthy: () => void;
  /** Every answer that was not good, in order. */
  readonly onFailed: (answer: HealthAnswer) => void;
  /** Once, after a first good answer and then too many bad ones. */
  readonly onUnhealthy: (answer: HealthAnswer) => void;
}

const bootEveryMs = 100;
const defaultEveryMs = 10_000;
/** On top of a request's own time: a worker may be about to finish one. */
const marginMs = 1_000;

/** Starts asking at once, until it is disposed. */
export function watchHealth(target: WorkerAddress, options: HealthWatchOptions): Disposable {
  const { everyMs = defaultEveryMs } = options;
  const probe = target.protocol === "http" ? probeHttp : probeWorker;
  let tally: HealthTally = { failures: 0 };
  let wasHealthy = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function ask(): Promise<void> {
    const answer = await probe(target.address, options.path, options.patienceMs + marginMs);
    if (closed) return;
    if (!wasHealthy) {
      if (isHealthy(answer)) {
        wasHealthy = true;
        options.onHealthy();
      } else {
        options.onFailed(answer);
      }
    } else {
      const counted = tallyHealth(tally, answer);
      tally = counted.tally;
      if (counted.verdict !== "healthy") options.onFailed(answer);
      if (counted.verdict === "unhealthy") {
        options.onUnhealthy(answer);
        return;
      }
    }
    if (!closed) timer = setTimeout(() => void ask(), wasHealthy ? spread(everyMs) : bootEveryMs);
  }

  void ask();
  return {
    [Symbol.dispose]() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Workers that were started together do not ask together for ever. */
function spread(ms: number): number {
  return ms * (0.9 + Math.random() * 0.2);
}
