/** The one place where the lifecycle's states become the seven that operators see. */
import { assertNever } from "@stack/base";
import type { ServiceState } from "@stack/control";
import type { ProcessState } from "./lifecycle.ts";

export function serviceStateOf(state: ProcessState): ServiceState {
  switch (state.name) {
    case "stopped":
      return "stopped";
    case "ended":
      return state.last.code === 0 ? "stopped" : "crashed";
    case "starting":
      return "booting";
    case "running":
      return "ready";
    case "backoff":
    case "failed":
      return "crashed";
    case "stopping":
      return "draining";
    default:
      return assertNever(state);
  }
}
