/**
 * What stands between a request and what answers its route. A guarded route's backend is this one,
 * asked at once, before the body is read; it lets the exchange through to the real one or answers
 * itself. Routes without protection have none of it.
 */
import type { RoutePlan } from "@stack/config";
import { continueResponse } from "@stack/protocols";
import { routeLabel } from "../../core/measuring/route-label.ts";
import { ask } from "../client/client-body.ts";
import { putWhole } from "../client/client-output.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend, Exchange } from "../exchange.ts";

/**
 * Looks at one request. True: it may go on. False: it was answered, or will be, or goes on later by
 * `passed`.
 */
export type Gate = (exchange: ClientExchange, passed: () => void) => boolean;

export function createGuardedBackend(inner: Backend, gates: readonly Gate[]): Backend {
  const goThrough = (exchange: ClientExchange, from: number): void => {
    for (let index = from; index < gates.length; index += 1) {
      const gate = gates[index];
      const next = index + 1;
      if (gate?.(exchange, () => goThrough(exchange, next)) === false) return;
    }
    if (!exchange.done) admit(exchange, inner);
  };
  return {
    wantsBody: false,
    handle: (exchange: Exchange) => goThrough(exchange as ClientExchange, 0),
    retire: () => inner.retire(),
  };
}

/** Goes on as if the route had this backend from the beginning. */
function admit(exchange: ClientExchange, inner: Backend): void {
  exchange.backend = inner;
  exchange.owner = undefined;
  const { io } = exchange;
  const isFull = exchange.bodyBytes >= exchange.plan.limits.bufferBytes;
  if (!inner.wantsBody || exchange.bodyComplete || isFull || io.thread.budget.isExhausted()) {
    ask(exchange);
    return;
  }
  // The rest of the body is collected first, as for any other route.
  exchange.asked = false;
  if (exchange.head.expectContinue && exchange.bodyReceived === 0) {
    putWhole(io, continueResponse);
  }
}

/** A name for what is counted of a route, the same in all threads and over reloads. */
export function limitName(route: RoutePlan, kind: string): string {
  return `${kind} ${routeLabel(route)}`;
}
