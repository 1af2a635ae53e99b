/** What the results of active checks make of a server. Pure; one state per server. */

export interface CheckState {
  readonly health: "unknown" | "up" | "down";
  /** Results in a row that say otherwise. */
  readonly against: number;
}

export const unchecked: CheckState = { health: "unknown", against: 0 };

/** The first result counts at once; after that it takes `rise` or `fall` in a row to change. */
export function applyCheck(
  state: CheckState,
  passed: boolean,
  rise: number,
  fall: number,
): CheckState {
  const found = passed ? "up" : "down";
  if (state.health === "unknown") return { health: found, against: 0 };
  if (state.health === found) return state.against === 0 ? state : { health: found, against: 0 };
  const against = state.against + 1;
  if (against >= (passed ? rise : fall)) return { health: found, against: 0 };
  return { health: state.health, against };
}
