/** One exchange that is not done, for `stack requests`: where it is, and for how long. */
import type { RunningRequest } from "@stack/control";
import { type Named, requestFacts } from "./request-facts.ts";

export interface RunningFacts extends Named {
  readonly app: string;
  readonly servedBy: string;
  /** The backend has it. */
  readonly asked: boolean;
  readonly begun: boolean;
  /** 0 unless it has become a tunnel. */
  readonly switchedAt: number;
  readonly startedAt: number;
}

export function describeRunning(facts: RunningFacts, now: number): RunningRequest {
  return {
    ...requestFacts(facts),
    state: stateOf(facts),
    app: facts.app,
    servedBy: facts.servedBy,
    ageMs: Math.max(0, Math.round(now - facts.startedAt)),
  };
}

function stateOf(facts: RunningFacts): RunningRequest["state"] {
  if (facts.switchedAt > 0) return "tunnel";
  if (facts.begun) return "answering";
  if (!facts.asked) return "receiving";
  return facts.app !== "" && facts.servedBy === "" ? "queued" : "running";
}
