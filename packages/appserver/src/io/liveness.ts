/**
 * Looks after the workers of a generation that are ready, whether they have requests or not: one that
 * was stopped, or whose loop has not turned for longer than a request may take, is killed.
 */
import { formatDuration } from "@stack/base";
import type { GoneAnswer } from "@stack/control";
import { readProcessState } from "@stack/process";
import { alive, type LivenessTally, tallyLiveness } from "../core/liveness.ts";
import type { Worker } from "./worker.ts";

export interface LivenessOptions {
  /** Those that are ready. */
  readonly workers: () => readonly Worker[];
  /** How long a request may take: a worker may be busy with one for so long. */
  readonly requestTimeoutMs: number;
  /** It does nothing more, for this reason. */
  readonly onDead: (worker: Worker, reason: string, answer: GoneAnswer) => void;
}

const lookEveryMs = 1_000;
/** On top of a request's own time, and where that is short. */
const marginMs = 10_000;

const answers = {
  stopped: { status: 504, reason: "the process of the application was stopped" },
  silent: { status: 504, reason: "the process of the application hangs" },
} as const satisfies Record<string, GoneAnswer>;

/** Works until it is disposed. */
export function watchLiveness(options: LivenessOptions): Disposable {
  const tallies = new WeakMap<Worker, LivenessTally>();
  const silenceMs = options.requestTimeoutMs + marginMs;
  const silentLooks = Math.ceil(silenceMs / lookEveryMs);

  function look(): void {
    for (const worker of options.workers()) {
      const { pid } = worker.view();
      const before = tallies.get(worker);
      // The first look only asks.
      const answered = before === undefined ? undefined : worker.answered();
      const state = pid === null ? undefined : readProcessState(pid);
      const { tally, verdict } = tallyLiveness(before ?? alive, state, answered, silentLooks);
      tallies.set(worker, tally);
      if (verdict === "alive") {
        worker.ping();
        continue;
      }
      tallies.set(worker, alive); // it is told once
      const reason =
        verdict === "stopped"
          ? "stopped by a signal (SIGSTOP)"
          : `no sign of life for ${formatDuration(silenceMs)}`;
      options.onDead(worker, reason, answers[verdict]);
    }
  }

  const ticker = setInterval(look, lookEveryMs);
  return { [Symbol.dispose]: () => clearInterval(ticker) };
}
