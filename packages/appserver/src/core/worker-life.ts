/**
 * The life of one worker, as a pure function.
 *
 *   booting ──healthy─▸ ready ──drain─▸ draining: edges ─▸ worker ─▸ term ─▸ kill
 *   every state ──exited─▸ gone
 *
 * D7: edges stop sending and confirm that nothing is in flight, then the worker is asked to end,
 * and only when the deadline has passed it is told to. `kill` is the exception for what ends a
 * request on purpose. `io/worker.ts` performs the effects.
 */
import { assertNever } from "@stack/base";

export type WorkerLife =
  | { readonly name: "booting" }
  | { readonly name: "ready" }
  | {
      readonly name: "draining";
      readonly stage: "edges" | "worker" | "term" | "kill";
      /** Whether edges were ever told of it. */
      readonly announced: boolean;
    }
  | { readonly name: "gone" };

export type WorkerEvent =
  /** It greets, and its health check, where there is one, was answered. */
  | { readonly type: "healthy" }
  | { readonly type: "drain" }
  /** No edge has a request of it in flight. */
  | { readonly type: "edges-drained" }
  /** The time armed last has passed. */
  | { readonly type: "elapsed" }
  | { readonly type: "kill" }
  | { readonly type: "exited" };

export type WorkerEffect =
  /** `worker-up` to all edges. */
  | { readonly type: "announce" }
  /** `worker-drain` to all edges; their last answer is `edges-drained`. */
  | { readonly type: "ask-edges" }
  /** `worker-gone` to all edges. */
  | { readonly type: "forget" }
  | { readonly type: "ask-worker" }
  | { readonly type: "signal"; readonly signal: "SIGTERM" | "SIGKILL" }
  /** "drain" is the app's drain timeout, "term" the short time between SIGTERM and SIGKILL. */
  | { readonly type: "arm"; readonly time: "drain" | "term" }
  | { readonly type: "disarm" };

export interface WorkerStep {
  readonly life: WorkerLife;
  readonly effects: readonly WorkerEffect[];
}

/** What becomes of a worker when something happens to it. */
export function stepWorker(life: WorkerLife, event: WorkerEvent): WorkerStep {
  if (life.name === "gone") return stay(life);
  switch (event.type) {
    case "healthy":
      return life.name === "booting"
        ? { life: { name: "ready" }, effects: [{ type: "announce" }] }
        : stay(life);
    case "drain":
      return drain(life);
    case "edges-drained":
      return life.name === "draining" && life.stage === "edges"
        ? { life: { ...life, stage: "worker" }, effects: [{ type: "ask-worker" }] }
        : stay(life);
    case "elapsed":
      return life.name === "draining" ? escalate(life) : stay(life);
    case "kill":
      return kill(life);
    case "exited":
      return {
        life: { name: "gone" },
        effects: isAnnounced(life)
          ? [{ type: "forget" }, { type: "disarm" }]
          : [{ type: "disarm" }],
      };
    default:
      return assertNever(event);
  }
}

type Draining = Extract<WorkerLife, { name: "draining" }>;

function drain(life: WorkerLife): WorkerStep {
  if (life.name === "ready") {
    return {
      life: { name: "draining", stage: "edges", announced: true },
      effects: [{ type: "arm", time: "drain" }, { type: "ask-edges" }],
    };
  }
  if (life.name !== "booting") return stay(life);
  return {
    life: { name: "draining", stage: "term", announced: false },
    effects: [
      { type: "arm", time: "term" },
      { type: "signal", signal: "SIGTERM" },
    ],
  };
}

function escalate(life: Draining): WorkerStep {
  switch (life.stage) {
    case "edges":
    case "worker": // the deadline: whatever still runs is ended, and the edges answer for it
      return {
        life: { ...life, stage: "term" },
        effects: [
          { type: "forget" },
          { type: "arm", time: "term" },
          { type: "signal", signal: "SIGTERM" },
        ],
      };
    case "term":
    case "kill":
      return {
        life: { ...life, stage: "kill" },
        effects: [
          { type: "arm", time: "term" },
          { type: "signal", signal: "SIGKILL" },
        ],
      };
    default:
      return assertNever(life.stage);
  }
}

function kill(life: WorkerLife): WorkerStep {
  const announced = isAnnounced(life);
  const effects: WorkerEffect[] = announced ? [{ type: "forget" }] : [];
  effects.push({ type: "arm", time: "term" }, { type: "signal", signal: "SIGKILL" });
  return { life: { name: "draining", stage: "kill", announced }, effects };
}

function isAnnounced(life: WorkerLife): boolean {
  return life.name === "ready" || (life.name === "draining" && life.announced);
}

function stay(life: WorkerLife): WorkerStep {
  return { life, effects: [] };
}
