/**
 * The life of one supervised process, as a pure function.
 *
 *   stopped, ended ──start───▸ starting     starting, running ──exited─▸ backoff, failed or ended
 *   starting       ──ready───▸ running      starting, running ──stop───▸ stopping
 *   backoff, failed──elapsed─▸ starting     stopping          ──exited─▸ stopped
 *
 * Nothing here spawns, waits or reads a clock: a step returns the next state and the effects to
 * perform; `io/run-lifecycle.ts` performs them.
 */
import { assertNever } from "@stack/base";
import { type BackoffPolicy, decideBackoff } from "./backoff.ts";

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

export type ProcessState =
  /** By an operator's wish, or not started yet. */
  | { readonly name: "stopped" }
  /** By itself, and its policy does not start it again. */
  | { readonly name: "ended"; readonly last: ExitStatus }
  | { readonly name: "starting"; readonly failures: number }
  /** `failures` are forgotten once it has been up for `stableAfterMs`. */
  | { readonly name: "running"; readonly failures: number }
  | { readonly name: "backoff"; readonly failures: number; readonly last: ExitStatus }
  | { readonly name: "stopping"; readonly escalated: boolean }
  /** Gave up; tries again every `retryAfterMs`, or when told to start. */
  | { readonly name: "failed"; readonly failures: number; readonly last: ExitStatus };

export type ProcessEvent =
  | { readonly type: "start" }
  /** It runs already: found by a supervisor that was itself restarted. */
  | { readonly type: "adopt"; readonly ready: boolean }
  /** The child is there: from now on its readiness is waited for. */
  | { readonly type: "spawned" }
  | { readonly type: "ready" }
  | { readonly type: "stop" }
  /** Stop without grace. */
  | { readonly type: "kill" }
  | { readonly type: "exited"; readonly status: ExitStatus }
  | { readonly type: "elapsed" };

export type Effect =
  | { readonly type: "spawn" }
  | { readonly type: "signal"; readonly signal: NodeJS.Signals }
  | { readonly type: "arm"; readonly afterMs: number }
  | { readonly type: "disarm" };

export interface RestartPolicy {
  readonly restart: "always" | "on-failure" | "never";
  /** Failures in a row until it gives up. */
  readonly maxFailures: number;
  readonly backoff: BackoffPolicy;
  /** "told": somebody dispatches `ready`, else it is killed; "alive": ready once it has lived so long. */
  readonly readiness:
    | { readonly kind: "told"; readonly timeoutMs: number }
    | { readonly kind: "alive"; readonly afterMs: number };
  readonly stableAfterMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** After giving up. */
  readonly retryAfterMs: number;
}

export interface Step {
  readonly state: ProcessState;
  readonly effects: readonly Effect[];
}

/**
 * @param random from 0 to 1, for the jitter of a back-off
 */
export function step(
  policy: RestartPolicy,
  state: ProcessState,
  event: ProcessEvent,
  random: number,
): Step {
  switch (state.name) {
    case "stopped":
    case "ended":
      return whileDown(policy, state, event);
    case "starting":
      return whileStarting(policy, state, event, random);
    case "running":
      return whileRunning(policy, state, event, random);
    case "backoff":
    case "failed":
      return whileWaiting(policy, state, event);
    case "stopping":
      return whileStopping(state, event);
    default:
      return assertNever(state);
  }
}

type In<Name extends ProcessState["name"]> = Extract<ProcessState, { name: Name }>;

function whileDown(policy: RestartPolicy, state: ProcessState, event: ProcessEvent): Step {
  if (event.type === "start") return start(policy, 0);
  if (event.type !== "adopt") return stay(state);
  return event.ready ? run(policy, 0) : { ...start(policy, 0), effects: [armReadiness(policy)] };
}

function whileStarting(
  policy: RestartPolicy,
  state: In<"starting">,
  event: ProcessEvent,
  random: number,
): Step {
  switch (event.type) {
    case "spawned":
      return { state, effects: [armReadiness(policy)] };
    case "ready":
      return run(policy, state.failures);
    case "exited":
      return afterExit(policy, state.failures, event.status, random);
    case "stop":
    case "kill":
      return terminate(policy, event.type);
    case "elapsed":
      if (policy.readiness.kind === "alive") return run(policy, state.failures);
      // Not ready in time: kill it, and let the exit count as the failure.
      return { state, effects: [{ type: "signal", signal: "SIGKILL" }] };
    default:
      return stay(state);
  }
}

function whileRunning(
  policy: RestartPolicy,
  state: In<"running">,
  event: ProcessEvent,
  random: number,
): Step {
  switch (event.type) {
    case "exited":
      return afterExit(policy, state.failures, event.status, random);
    case "stop":
    case "kill":
      return terminate(policy, event.type);
    case "elapsed":
      return { state: { name: "running", failures: 0 }, effects: [] };
    default:
      return stay(state);
  }
}

function whileWaiting(
  policy: RestartPolicy,
  state: In<"backoff"> | In<"failed">,
  event: ProcessEvent,
): Step {
  switch (event.type) {
    case "elapsed":
      return start(policy, state.failures);
    case "start":
      return start(policy, 0);
    case "stop":
    case "kill":
      return { state: { name: "stopped" }, effects: [{ type: "disarm" }] };
    default:
      return stay(state);
  }
}

function whileStopping(state: In<"stopping">, event: ProcessEvent): Step {
  if (event.type === "exited") return { state: { name: "stopped" }, effects: [{ type: "disarm" }] };
  if (event.type !== "elapsed" && event.type !== "kill") return stay(state);
  if (state.escalated) return stay(state);
  return {
    state: { name: "stopping", escalated: true },
    effects: [{ type: "signal", signal: "SIGKILL" }],
  };
}

function start(policy: RestartPolicy, failures: number): Step {
  return {
    state: { name: "starting", failures },
    effects: [{ type: "spawn" }, armReadiness(policy)],
  };
}

function armReadiness(policy: RestartPolicy): Effect {
  const { readiness } = policy;
  return {
    type: "arm",
    afterMs: readiness.kind === "told" ? readiness.timeoutMs : readiness.afterMs,
  };
}

function run(policy: RestartPolicy, failures: number): Step {
  return {
    state: { name: "running", failures },
    effects: [{ type: "arm", afterMs: policy.stableAfterMs }],
  };
}

function terminate(policy: RestartPolicy, how: "stop" | "kill"): Step {
  return how === "kill"
    ? {
        state: { name: "stopping", escalated: true },
        effects: [{ type: "disarm" }, { type: "signal", signal: "SIGKILL" }],
      }
    : {
        state: { name: "stopping", escalated: false },
        effects: [
          { type: "signal", signal: "SIGTERM" },
          { type: "arm", afterMs: policy.graceMs },
        ],
      };
}

function afterExit(
  policy: RestartPolicy,
  failuresBefore: number,
  last: ExitStatus,
  random: number,
): Step {
  const wanted =
    policy.restart === "always" || (policy.restart === "on-failure" && last.code !== 0);
  if (!wanted) return { state: { name: "ended", last }, effects: [{ type: "disarm" }] };
  const failures = failuresBefore + 1;
  if (failures > policy.maxFailures) {
    return {
      state: { name: "failed", failures, last },
      effects: [{ type: "arm", afterMs: policy.retryAfterMs }],
    };
  }
  return {
    state: { name: "backoff", failures, last },
    effects: [{ type: "arm", afterMs: decideBackoff(policy.backoff, failures, random) }],
  };
}

function stay(state: ProcessState): Step {
  return { state, effects: [] };
}
