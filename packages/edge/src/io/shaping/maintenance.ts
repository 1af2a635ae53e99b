/**
 * `stack maintenance` on one thread: every backend of the plan is covered by one that answers 503,
 * or holds requests until it is over. Without it nothing stands in the way of a request.
 */
import { performance } from "node:perf_hooks";
import type { EdgePlan } from "@stack/config";
import type { Maintenance } from "@stack/control";
import type { Backend, Exchange, ExchangeOwner } from "../exchange.ts";
import type { ActivePlan } from "../thread/thread-context.ts";

export interface MaintenanceCover {
  /** Another plan is taken up: what its requests meet. */
  readonly cover: (plan: ActivePlan) => ActivePlan;
  /** Gives `activate` the plan to serve by from now on; then what was held goes its way. */
  readonly set: (maintenance: Maintenance | null, activate: (plan: ActivePlan) => void) => void;
  /** Deadlines of those that are held. */
  readonly check: (nowMs: number) => void;
}

interface Held {
  readonly inner: Backend;
  readonly bounds: Bounds;
  readonly until: number;
}

/** Of a route: how many may wait on this thread, and for how long. */
interface Bounds {
  readonly limit: number;
  readonly holdMs: number;
  held: number;
}

/** For routes without an app, whose queue has bounds. */
const defaultLimit = 1_000;
const defaultHoldMs = 30_000;

/** @param threads of the edge: each holds its part of what may wait */
export function createMaintenanceCover(threads: number): MaintenanceCover {
  const held = new Map<Exchange, Held>();
  let current: Maintenance | null = null;
  let bare: ActivePlan | undefined;

  const waiting: ExchangeOwner = {
    isQueue: true,
    onAbort: (exchange) => void leave(exchange),
    onDrain: () => {},
    onBody: () => false,
    onBodyEnd: () => {},
  };

  function leave(exchange: Exchange): Held | undefined {
    const one = held.get(exchange);
    if (one === undefined) return undefined;
    held.delete(exchange);
    one.bounds.held -= 1;
    return one;
  }

  function cover(plan: ActivePlan): ActivePlan {
    bare = plan;
    const maintenance = current;
    if (maintenance === null) return plan;
    const refusing = createRefusal(maintenance);
    const boundsOf = createBounds(plan.plan, maintenance, threads);
    return {
      ...plan,
      backends: plan.backends.map((inner, index) => {
        const route = plan.plan.routes[index];
        if (route === undefined || route.duringMaintenance === true) return inner;
        if (maintenance.mode === "on") return { ...refusing, retire: inner.retire };
        const { action } = route;
        return createHold(inner, boundsOf(action.kind === "app" ? action.app : ""), maintenance);
      }),
    };
  }

  function createHold(inner: Backend, bounds: Bounds, { retryAfterS }: Maintenance): Backend {
    return {
      wantsBody: inner.wantsBody,
      handle(exchange) {
        if (bounds.held >= bounds.limit) {
          exchange.fail(503, "too many requests are waiting", retryAfterS);
          return;
        }
        bounds.held += 1;
        held.set(exchange, { inner, bounds, until: performance.now() + bounds.holdMs });
        exchange.owner = waiting;
      },
      retire: inner.retire,
    };
  }

  return {
    cover,
    set(maintenance, activate) {
      current = maintenance;
      if (bare !== undefined) activate(cover(bare));
      if (maintenance?.mode === "paused") return;
      const refusing = maintenance === null ? undefined : createRefusal(maintenance);
      for (const exchange of [...held.keys()]) {
        const one = leave(exchange);
        exchange.owner = undefined;
        (refusing ?? one?.inner)?.handle(exchange);
      }
    },
    check(nowMs) {
      if (held.size === 0) return;
      for (const [exchange, { until }] of [...held]) {
        if (nowMs < until) continue;
        leave(exchange);
        exchange.fail(503, "this took longer than expected", current?.retryAfterS ?? 1);
      }
    },
  };
}

function createRefusal({ page, retryAfterS }: Maintenance): Backend {
  const body = page === null ? "" : Buffer.from(page.body, "utf8").toString("latin1");
  const fields = `Content-Type: ${page?.type ?? ""}\r\nCache-Control: no-store\r\nRetry-After: ${retryAfterS}\r\n`;
  return {
    wantsBody: false,
    handle(exchange) {
      if (page === null) exchange.fail(503, "down for maintenance", retryAfterS);
      else exchange.answer(503, "", fields, body);
    },
    retire: () => {},
  };
}

/** Routes of one app share its bounds. */
function createBounds(
  plan: EdgePlan,
  maintenance: Maintenance,
  threads: number,
): (app: string) => Bounds {
  const all = new Map<string, Bounds>();
  return (app) => {
    const known = all.get(app);
    if (known !== undefined) return known;
    const settings = plan.apps[app];
    const made: Bounds = {
      limit: Math.ceil((settings?.queueLimit ?? defaultLimit) / threads),
      holdMs: maintenance.holdMs ?? settings?.queueTimeoutMs ?? defaultHoldMs,
      held: 0,
    };
    all.set(app, made);
    return made;
  };
}
