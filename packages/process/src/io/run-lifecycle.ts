/**
 * The clock and the hands of `core/lifecycle.ts`: performs the effects it asks for. How a process
 * is spawned and signalled is the caller's: an arbiter does it itself, stackd asks the keeper.
 */
import { assertNever } from "@stack/base";
import {
  type Effect,
  type ProcessEvent,
  type ProcessState,
  type RestartPolicy,
  step,
} from "../core/lifecycle.ts";

export interface LifecycleHands {
  readonly spawn: () => void;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly changed: (state: ProcessState, before: ProcessState) => void;
}

export interface Lifecycle extends Disposable {
  readonly state: () => ProcessState;
  readonly dispatch: (event: ProcessEvent) => void;
}

export function createLifecycle(policy: RestartPolicy, hands: LifecycleHands): Lifecycle {
  let state: ProcessState = { name: "stopped" };
  let timer: NodeJS.Timeout | undefined;

  function dispatch(event: ProcessEvent): void {
    const before = state;
    const next = step(policy, state, event, Math.random());
    state = next.state;
    for (const effect of next.effects) perform(effect);
    if (state !== before) hands.changed(state, before);
  }

  function perform(effect: Effect): void {
    switch (effect.type) {
      case "spawn":
        hands.spawn();
        return;
      case "signal":
        hands.signal(effect.signal);
        return;
      case "arm":
        clearTimeout(timer);
        timer = setTimeout(dispatch, effect.afterMs, { type: "elapsed" });
        return;
      case "disarm":
        clearTimeout(timer);
        return;
      default:
        assertNever(effect);
    }
  }

  return {
    state: () => state,
    dispatch,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
