/** What `status` says about a slot over all its workers and generations: restarts, and the last exit. */
import type { LastExit } from "@stack/control";
import type { WorkerOutcome } from "./worker.ts";

interface SlotFacts {
  readonly restarts: number;
  readonly lastExit: LastExit | null;
}

export interface SlotLedger {
  readonly of: (slot: number) => SlotFacts;
  /**
   * @param planned a reload, a scale-down, the end of all: the next worker is no restart
   */
  readonly record: (slot: number, outcome: WorkerOutcome, planned: boolean) => void;
}

export function createSlotLedger(): SlotLedger {
  const slots = new Map<number, SlotFacts>();
  const of = (slot: number): SlotFacts => slots.get(slot) ?? { restarts: 0, lastExit: null };
  return {
    of,
    record(slot, { code, signal, reason, error }, planned) {
      const lastExit: LastExit = {
        code,
        signal,
        at: new Date().toISOString(),
        reason,
        ...(error?.facts === undefined ? {} : { stderr: error.facts.slice(-20) }),
      };
      slots.set(slot, { restarts: of(slot).restarts + (planned ? 0 : 1), lastExit });
    },
  };
}
