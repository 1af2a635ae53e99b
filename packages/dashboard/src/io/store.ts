/** The state outside React: readers of sockets and files dispatch, the screen follows at its own pace. */
import { reduce } from "../core/reduce.ts";
import type { DashboardAction, DashboardState } from "../core/state.ts";

export interface Store {
  readonly state: () => DashboardState;
  readonly dispatch: (action: DashboardAction) => void;
  readonly subscribe: (listener: () => void) => () => void;
}

export function createStore(initial: DashboardState): Store {
  let state = initial;
  const listeners = new Set<() => void>();
  return {
    state: () => state,
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      state = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
