/** Where a request's route is counted. */
import { noRouteSlot, otherRoutesSlot } from "../../core/measuring/route-metrics.ts";
import type { ClientExchange } from "./client-state.ts";

/** Requests that outlive the plan they began with are counted with those of no slot of their own. */
export function routeSlotOf(exchange: ClientExchange): number {
  const { index } = exchange.route;
  if (index < 0) return noRouteSlot;
  const { active } = exchange.io.thread;
  return active.plan === exchange.plan
    ? (active.routeSlots[index] ?? otherRoutesSlot)
    : otherRoutesSlot;
}
