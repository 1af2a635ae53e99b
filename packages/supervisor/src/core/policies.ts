/** How each kind of service is restarted. Times in milliseconds. */
import { defaultBackoff, type RestartPolicy } from "@stack/process";
import type { ServicePlan } from "./services.ts";

/** After giving up, a service is tried again this often. */
export const retryAfterMs = 5 * 60_000;

const common = {
  restart: "always",
  maxFailures: 5,
  backoff: defaultBackoff,
  stableAfterMs: 10_000,
  retryAfterMs,
} as const;

/** A program says nothing when it is ready: it counts as such once it has lived for a second. */
const programAliveMs = 1_000;
const programGraceMs = 10_000;
/** From its start until it says hello and takes its plan. */
const arbiterHelloMs = 15_000;
/** An arbiter drains within its app's own deadline; this is for what comes after. */
const arbiterEndMs = 5_000;
const redisReadyMs = 10_000;

export function policyOf(plan: ServicePlan): RestartPolicy {
  switch (plan.kind) {
    case "redis":
      return {
        ...common,
        readiness: { kind: "told", timeoutMs: redisReadyMs },
        graceMs: 10_000,
      };
    case "app":
      return {
        ...common,
        maxFailures: 20, // its workers' failures are the arbiter's own affair
        readiness: { kind: "told", timeoutMs: arbiterHelloMs },
        graceMs: plan.app.drainTimeoutMs + arbiterEndMs,
      };
    case "program":
      return {
        ...common,
        restart: plan.program.restart,
        readiness: { kind: "alive", afterMs: programAliveMs },
        graceMs: programGraceMs,
      };
  }
}

/** The edge is always restarted, and never given up for long. */
export const edgePolicy: RestartPolicy = {
  ...common,
  maxFailures: 20,
  backoff: { firstMs: 50, maxMs: 5_000 },
  readiness: { kind: "told", timeoutMs: 20_000 },
  graceMs: 3_600_000, // a drain has a deadline of its own
  retryAfterMs: 10_000,
};
