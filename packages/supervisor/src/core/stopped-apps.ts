/** Which apps of the edge's plan an operator has stopped: what asks for them need not wait. */
import type { EdgePlan } from "@stack/config";
import type { ServicePlan } from "./services.ts";

/** The plan with every app marked of which no instance is wanted. */
export function markStoppedApps(
  plan: EdgePlan,
  services: readonly ServicePlan[],
  isStopped: (service: ServicePlan) => boolean,
): EdgePlan {
  const running = new Set<string>();
  const stopped = new Set<string>();
  for (const service of services) {
    if (service.kind === "app") (isStopped(service) ? stopped : running).add(service.app.name);
  }
  const idle = [...stopped].filter((app) => !running.has(app));
  const marked = idle.flatMap((app) => {
    const settings = plan.apps[app];
    return settings === undefined ? [] : [[app, { ...settings, stopped: true }] as const];
  });
  if (marked.length === 0) return plan;
  return { ...plan, apps: { ...plan.apps, ...Object.fromEntries(marked) } };
}
