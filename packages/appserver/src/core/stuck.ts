/**
 * What to do with a worker of which one request took longer than the app's `timeout`. The client has
 * its 504 already. A worker that serves one request at a time is stuck and can only be ended; where
 * others run beside it, they must not pay for it.
 */
import type { AppPlan } from "@stack/config";

export type StuckMeasure =
  /** End it now. */
  | "kill"
  /** One of its threads is lost: start another worker, and let the requests of this one finish. */
  | "replace"
  /** It may only wait for something: end it if its loop does not turn, else leave it alone. */
  | "ask";

export function decideStuckMeasure(plan: AppPlan): StuckMeasure {
  switch (plan.kind) {
    case "asgi":
    case "node":
      return "ask";
    case "wsgi":
      if (plan.worker === "threads") return "replace";
      return plan.worker === "gevent" || plan.worker === "eventlet" ? "ask" : "kill";
    default:
      return "kill";
  }
}
