/** What an edge that is not root is told of its access log: to write it. Its folder is not the edge's. */
import type { EdgePlan, UserPlan } from "@stack/config";

export function planWithoutRotation(plan: EdgePlan, user: UserPlan | undefined): EdgePlan {
  if (user === undefined || plan.accessLog?.rotate === undefined) return plan;
  const { rotate: _, ...accessLog } = plan.accessLog;
  return { ...plan, accessLog };
}
