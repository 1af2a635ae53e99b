/** The end of everything: the edge first, then what it sent requests to, then what those need. */
import { planStopOrder } from "../../core/services.ts";
import { stopService } from "./changes.ts";
import type { Stack } from "./stack.ts";

/** Resolves when every service is down. `now` cuts requests off. */
export async function stopStack(stack: Stack, now: boolean): Promise<void> {
  stack.phase = "stopping";
  stack.note("info", "stackd", now ? "stopping at once" : "draining");
  if (now) {
    killServices(stack);
    await stack.edges.stop(true);
  } else {
    await stack.edges.stop(false);
  }
  await stack.releaseCommands.stop(now);
  const plans = [...stack.services.values()].map((managed) => managed.plan);
  for (const group of planStopOrder(plans)) {
    await Promise.all(group.map((plan) => stopService(stack, plan.name, "down")));
  }
}

/** While it drains: no more patience. */
export function killServices(stack: Stack): void {
  for (const managed of stack.services.values()) managed.service.dispatch({ type: "kill" });
}
