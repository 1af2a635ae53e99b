/** Redis and programs: services that speak no protocol of ours. */
import type { ErrorReport } from "@stack/base";
import type { LastExit, SpawnRequest } from "@stack/control";
import { type ProcessState, serviceStateOf } from "@stack/process";
import { policyOf, retryAfterMs } from "../../core/policies.ts";
import type { ServicePlan } from "../../core/services.ts";
import { crashLoop, redisFailed } from "../../errors.ts";
import type { KeeperLink } from "./keeper-link.ts";
import type { Managed } from "./managed.ts";
import { awaitRedis } from "./redis.ts";
import { createService, type ServiceHooks } from "./service.ts";

type PlainPlan = Exclude<ServicePlan, { kind: "app" }>;

export interface PlainContext {
  readonly keeper: KeeperLink;
  readonly request: (plan: PlainPlan) => SpawnRequest;
  readonly redisSocket: string;
  readonly lastExit: (name: string) => LastExit | null;
}

export function createPlainService(
  plan: PlainPlan,
  context: PlainContext,
  hooks: ServiceHooks,
): Managed {
  let probing = new AbortController();
  const service = createService(
    context.keeper,
    {
      policy: policyOf(plan),
      request: () => context.request(managed.plan as PlainPlan),
      onChild() {
        if (plan.kind !== "redis") return;
        probing.abort();
        probing = new AbortController();
        awaitRedis(context.redisSocket, probing.signal, () => service.dispatch({ type: "ready" }));
      },
    },
    hooks,
  );
  const managed: Managed = {
    plan,
    service,
    instance: null,
    state: () => serviceStateOf(service.state()),
    isReady: () => isReady(service.state()),
    error: () => errorOf(managed.plan as PlainPlan, service.state(), context.lastExit(plan.name)),
    exited(exit) {
      const own = service.exited(exit);
      if (own) probing.abort();
      return own;
    },
  };
  return managed;
}

/** One that ended well and is not to be started again has done its work. */
function isReady(state: ProcessState): boolean {
  return state.name === "running" || (state.name === "ended" && state.last.code === 0);
}

function errorOf(plan: PlainPlan, state: ProcessState, last: LastExit | null): ErrorReport | null {
  const failed = state.name === "failed" || (state.name === "ended" && state.last.code !== 0);
  if (!failed) return null;
  const exit = last?.reason ?? "it cannot be started";
  const lines = last?.stderr ?? [];
  if (plan.kind === "redis") return redisFailed({ exit, lines }).report;
  return crashLoop({
    name: plan.name,
    times: state.name === "failed" ? state.failures : 1,
    exit,
    lines,
    place: plan.program.place,
    retryMinutes: state.name === "failed" ? retryAfterMs / 60_000 : null,
  }).report;
}
