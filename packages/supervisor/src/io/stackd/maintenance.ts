/** `stack maintenance`: said to every edge that lives, remembered for those to come. */
import type { MaintenanceChange } from "@stack/control";
import type { Stack } from "./stack.ts";

/**
 * Resolves when every thread of the serving edge does it.
 *
 * @param change null ends it
 */
export async function setMaintenance(
  stack: Stack,
  change: MaintenanceChange | null,
): Promise<void> {
  const before = stack.maintenance;
  stack.maintenance = change === null ? null : { ...change, since: new Date().toISOString() };
  stack.remember();
  if (change !== null || before !== null) {
    stack.note("info", "edge", describe(change));
    stack.onChange();
  }
  await stack.edges.maintain();
}

function describe(change: MaintenanceChange | null): string {
  if (change === null) return "maintenance is over: requests are answered again";
  return change.mode === "on"
    ? "maintenance: requests get 503 until `stack maintenance off`"
    : "maintenance: requests wait until `stack maintenance resume`";
}
