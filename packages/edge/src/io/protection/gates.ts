/** The gates of a route's `protection`, in the order in which they are cheap and final. */
import type { ProtectionPlan, RoutePlan } from "@stack/config";
import { full, type InFlightTable } from "../../core/protection/in-flight-table.ts";
import type { RateLimit, RateTable } from "../../core/protection/rate-table.ts";
import { createRequestKey } from "../../core/protection/request-key.ts";
import { createSecurityFields } from "../../core/protection/security-fields.ts";
import { addFields, editFields } from "../client/answer-edits.ts";
import { routeSlotOf } from "../client/route-slot.ts";
import type { Backend } from "../exchange.ts";
import { createTrustCheck } from "../thread/trusted-proxies.ts";
import { addServerTiming } from "../tracing/server-timing.ts";
import { createBasicAuth, type Passwords } from "./basic-auth.ts";
import { createForwardAuth } from "./forward-auth.ts";
import { createGuardedBackend, type Gate, limitName } from "./guarded-backend.ts";

/** What all routes of a thread share, whatever the plan. */
export interface SharedProtection {
  readonly rates: RateTable;
  readonly inFlight: InFlightTable;
  /** Added to `performance.now()`: milliseconds of a clock that all threads share. */
  readonly clockOffsetMs: number;
  readonly passwords: Passwords;
}

export interface ProtectionParts extends SharedProtection {
  /** Who answers `auth.forward`. */
  readonly target: (kind: "app" | "upstream", name: string) => Backend | undefined;
}

/** The backend itself where the route has no protection. */
export function protectBackend(route: RoutePlan, inner: Backend, parts: ProtectionParts): Backend {
  const plan = route.protection;
  if (plan === undefined) return inner;
  const gates: Gate[] = [];
  if (plan.security !== null) gates.push(createSecurityGate(plan.security));
  if (plan.serverTiming === true) {
    gates.push((exchange) => {
      addServerTiming(exchange);
      return true;
    });
  }
  if (plan.allow !== null || plan.deny.length > 0) gates.push(createAddressGate(plan));
  if (plan.rateLimit !== null) gates.push(createRateGate(route, plan.rateLimit, parts));
  if (plan.inFlight !== null) gates.push(createInFlightGate(route, plan.inFlight, parts));
  if (plan.bytesPerSecond > 0) {
    const { bytesPerSecond } = plan;
    gates.push((exchange) => {
      exchange.bytesPerSecond = bytesPerSecond;
      return true;
    });
  }
  if (plan.auth?.kind === "basic") gates.push(createBasicAuth(plan.auth, parts.passwords));
  else if (plan.auth !== null) gates.push(createForwardAuth(plan.auth, parts));
  return createGuardedBackend(inner, gates);
}

function createSecurityGate(preset: NonNullable<ProtectionPlan["security"]>): Gate {
  const edit = createSecurityFields(preset);
  return (exchange) => {
    editFields(exchange, edit);
    return true;
  };
}

function createAddressGate({ allow, deny }: ProtectionPlan): Gate {
  const isAllowed = allow === null ? () => true : createTrustCheck(allow);
  const isDenied = createTrustCheck(deny);
  return (exchange) => {
    const { address } = exchange.client;
    if (isAllowed(address) === true && isDenied(address) !== true) return true;
    exchange.fail(403, "this address may not come here");
    return false;
  };
}

function createRateGate(
  route: RoutePlan,
  plan: NonNullable<ProtectionPlan["rateLimit"]>,
  parts: ProtectionParts,
): Gate {
  const keyOf = createRequestKey(plan.key);
  const limit: RateLimit = {
    name: limitName(route, "rate"),
    intervalUs: Math.max(1, Math.round((plan.periodMs * 1_000) / plan.count)),
    burst: plan.burst,
  };
  return (exchange) => {
    const nowUs = (exchange.startedAt + parts.clockOffsetMs) * 1_000;
    const decision = parts.rates.take(limit, keyOf(exchange.head, exchange.client.address), nowUs);
    if (!decision.allowed) {
      exchange.io.thread.routeMetrics.limited(routeSlotOf(exchange), plan.dryRun);
      if (plan.dryRun) return true;
    } else if (plan.dryRun) return true;
    const { allowed, remaining, retryAfterMs, resetMs } = decision;
    const reset = Math.ceil(resetMs / 1_000);
    addFields(
      exchange,
      `RateLimit-Limit: ${plan.burst}\r\nRateLimit-Remaining: ${remaining}\r\nRateLimit-Reset: ${reset}\r\n`,
    );
    if (allowed) return true;
    exchange.fail(429, "too many requests from you", Math.max(1, Math.ceil(retryAfterMs / 1_000)));
    return false;
  };
}

function createInFlightGate(
  route: RoutePlan,
  plan: NonNullable<ProtectionPlan["inFlight"]>,
  parts: ProtectionParts,
): Gate {
  const { inFlight } = parts;
  const keyOf = createRequestKey(plan.key);
  const name = limitName(route, "in flight");
  return (exchange) => {
    const cell = inFlight.enter(name, keyOf(exchange.head, exchange.client.address), plan.limit);
    if (cell === full) {
      exchange.io.thread.routeMetrics.limited(routeSlotOf(exchange), false);
      exchange.fail(429, "too many requests of yours are under way", 1);
      return false;
    }
    const before = exchange.onDone;
    exchange.onDone = (done) => {
      inFlight.leave(cell);
      before?.(done);
    };
    return true;
  };
}
