/** What one thread spills to disk: opens the files, within the bound of the plan in force. */
import type { Logger } from "@stack/base";
import type { SpillBudget } from "../../core/spill-budget.ts";
import type { ClientExchange } from "../client/client-state.ts";
import { startAnswerSpill } from "./spill-answer.ts";
import { startBodySpill } from "./spill-body.ts";
import { openSpillFile, type SpillFile } from "./spill-file.ts";

export interface SpillDesk {
  /** More of a request's body than memory is for; false: it is not spilled. */
  readonly startBody: (exchange: ClientExchange) => boolean;
  /** More of an answer than its client reads; false: whoever answers has to wait. */
  readonly startAnswer: (exchange: ClientExchange) => boolean;
}

/** A full disk is said once in so long. */
const quietMs = 60_000;

export function createSpillDesk(thread: number, budget: SpillBudget, log: Logger): SpillDesk {
  let files = 0;
  let saidAt = Number.NEGATIVE_INFINITY;

  const onProblem = (error: Error): void => {
    const now = performance.now();
    if (now - saidAt < quietMs) return;
    saidAt = now;
    log.warn(`bodies are streamed, not spilled: ${error.message}`);
  };
  const opener = (limitBytes: number, folder: string) => {
    return (onCaughtUp: () => void): SpillFile | undefined => {
      files += 1;
      const name = `spill-${process.pid}-${thread}-${files}`;
      return openSpillFile({ folder, name, limitBytes, budget, onCaughtUp, onProblem });
    };
  };
  return {
    startBody(exchange) {
      const { limits, spillFolder } = exchange.plan;
      const { spillBytes = 0 } = limits;
      if (spillBytes === 0 || spillFolder === undefined) return false;
      if (!exchange.backend.wantsBody) return false;
      return startBodySpill(exchange, opener(spillBytes, spillFolder));
    },
    startAnswer(exchange) {
      const { limits, spillFolder } = exchange.plan;
      const { spillBytes = 0 } = limits;
      if (spillBytes === 0 || spillFolder === undefined) return false;
      const { answerSpill, servedBy, switchedAt } = exchange;
      if (switchedAt > 0 || answerSpill !== undefined) return false;
      // Files are on disk already; a paced answer is slow on purpose.
      if (servedBy === "" || exchange.bytesPerSecond > 0 || exchange.neverSpilled) return false;
      return startAnswerSpill(exchange, opener(spillBytes, spillFolder));
    },
  };
}
