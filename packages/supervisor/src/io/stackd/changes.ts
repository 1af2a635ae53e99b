/**
 * What operators change in a running stack, but for its config: start, stop, restart, scale. Each
 * rejects with the error of the service it could not bring up.
 */
import { errorFromReport } from "@stack/base";
import { policyOf } from "../../core/policies.ts";
import { findServices, knownNames, planStopOrder, type ServicePlan } from "../../core/services.ts";
import {
  changeUnderWay,
  edgeStaysUp,
  notReadyInTime,
  notScalable,
  unknownService,
} from "../../errors.ts";
import type { Managed } from "./managed.ts";
import { isFullyReady, type Stack } from "./stack.ts";

/** Beyond a service's own deadlines. */
const marginMs = 10_000;

export async function startServices(stack: Stack, names: readonly string[]): Promise<void> {
  const chosen = choose(
    stack,
    names.filter((name) => name !== "edge"), // it always runs
  );
  await setStopped(stack, withoutAny(stack.overrides.stopped, chosen));
  for (const managed of chosen) startService(stack, managed);
  await Promise.all(chosen.map((managed) => untilReady(stack, managed)));
}

export async function stopServices(stack: Stack, names: readonly string[]): Promise<void> {
  if (names.includes("edge")) throw edgeStaysUp({});
  const chosen = choose(stack, names);
  const stopped = [
    ...new Set([...stack.overrides.stopped, ...chosen.map((managed) => managed.plan.name)]),
  ];
  await setStopped(stack, stopped);
  for (const group of planStopOrder(chosen.map((managed) => managed.plan))) {
    await Promise.all(group.map((plan) => stopService(stack, plan.name, "stop")));
  }
}

/** Remembers what is stopped, and tells the edges, so that no request waits for a stopped app. */
async function setStopped(stack: Stack, stopped: readonly string[]): Promise<void> {
  const before = new Set(stack.overrides.stopped);
  const now = new Set(stopped);
  stack.overrides = { ...stack.overrides, stopped };
  stack.remember();
  const isOfApp = [...stack.services.values()].some(
    ({ plan }) => plan.kind === "app" && before.has(plan.name) !== now.has(plan.name),
  );
  if (!isOfApp) return;
  try {
    await stack.edges.renewApps();
  } catch (error) {
    // The change itself does not depend on it: requests wait as they do for a crashed app.
    stack.note("warn", "edge", `does not know what is stopped: ${(error as Error).message}`);
  }
}

/** By itself once its release commands are done, where those have not been yet. */
function startService(stack: Stack, { plan, service }: Managed): void {
  if (plan.kind === "app") {
    const { releaseCommands } = stack;
    releaseCommands.retry(plan.app.name);
    if (!releaseCommands.prepare(stack.planOf(plan.app.name) ?? plan.app, stack.release())) return;
  }
  service.dispatch({ type: "start" });
}

function withoutAny(names: readonly string[], services: readonly Managed[]): string[] {
  const gone = new Set(services.map((managed) => managed.plan.name));
  return names.filter((name) => !gone.has(name));
}

/** Instances of an app one after the other, so that the others serve meanwhile. */
export async function restartServices(stack: Stack, names: readonly string[]): Promise<void> {
  const others = names.filter((name) => name !== "edge");
  const chosen = choose(stack, others);
  if (others.length < names.length) await stack.edges.replace();
  await setStopped(stack, withoutAny(stack.overrides.stopped, chosen)); // it runs afterwards
  for (const managed of chosen) await restartService(stack, managed, "restart");
}

export async function restartService(
  stack: Stack,
  managed: Managed,
  reason: string,
): Promise<void> {
  await stopService(stack, managed.plan.name, reason);
  refuseWhenStopping(stack);
  startService(stack, managed);
  await untilReady(stack, managed);
}

/**
 * Workers per instance, or instances of a `command` app; null for what the config says.
 *
 * @throws E3005 for what is no app
 */
export async function scaleApp(stack: Stack, name: string, workers: number | null): Promise<void> {
  const [first] = choose(stack, [name]);
  if (first?.plan.kind !== "app" || first.plan.app.name !== name) {
    throw notScalable({ name, kind: first?.plan.kind === "app" ? "instance" : "program" });
  }
  const before = stack.overrides;
  const { [name]: _, ...others } = before.scale;
  stack.overrides = {
    ...before,
    scale: workers === null ? others : { ...others, [name]: workers },
  };
  try {
    await applyScale(stack, name);
  } catch (error) {
    stack.overrides = before;
    throw error;
  }
  stack.remember();
}

/** Brings the instances of an app and their number of workers to what is planned. */
async function applyScale(stack: Stack, app: string): Promise<void> {
  const plans = stack.plans().filter((plan) => plan.kind === "app" && plan.app.name === app);
  const complete = stack.planOf(app);
  for (const plan of plans) {
    const managed = stack.services.get(plan.name);
    if (managed === undefined) {
      const added = stack.add(plan);
      stack.startWaiting();
      await untilReady(stack, added);
      continue;
    }
    managed.plan = plan;
    if (complete === undefined || managed.service.state().name !== "running") continue;
    await managed.instance?.configure(complete, stack.release());
    await untilReady(stack, managed);
  }
  const wanted = new Set(plans.map((plan) => plan.name));
  for (const { plan } of [...stack.services.values()]) {
    if (plan.kind !== "app" || plan.app.name !== app || wanted.has(plan.name)) continue;
    await removeService(stack, plan.name, "scale");
  }
}

export async function removeService(stack: Stack, name: string, reason: string): Promise<void> {
  await stopService(stack, name, reason);
  stack.remove(name);
}

/** Resolves when it is down, by force if it must be. */
export async function stopService(stack: Stack, name: string, reason: string): Promise<void> {
  const managed = stack.services.get(name);
  if (managed === undefined) return;
  stack.held.add(name);
  try {
    managed.service.expect(reason);
    managed.service.dispatch({ type: "stop" });
    const seconds = (policyOf(managed.plan).graceMs + marginMs) / 1000;
    await stack.until(
      () => isDown(managed) || undefined,
      seconds * 1000,
      () => new Error(`${name} did not end within ${seconds}s`),
    );
  } finally {
    stack.held.delete(name);
  }
}

function refuseWhenStopping(stack: Stack): void {
  if (stack.phase === "stopping") throw changeUnderWay({ change: "down" });
}

function isDown(managed: Managed): boolean {
  const { name } = managed.service.state();
  return name === "stopped" || name === "ended";
}

/** Rejects with the reason when it gives up, or is not ready in time. */
export async function untilReady(stack: Stack, managed: Managed): Promise<void> {
  const { plan } = managed;
  const bootMs =
    plan.kind === "app" ? plan.app.bootTimeoutMs + (plan.app.releaseTimeoutMs ?? 0) : 15_000;
  const deadlineMs = bootMs + marginMs;
  await stack.until(
    () => {
      refuseWhenStopping(stack);
      if (stack.services.get(plan.name) !== managed || stack.isStopped(plan)) return true;
      const error = managed.error();
      if (error !== null) throw errorFromReport(error);
      return isFullyReady(managed) || undefined;
    },
    deadlineMs,
    () => notReadyInTime({ name: plan.name, seconds: Math.round(deadlineMs / 1000) }),
  );
}

/** What the names mean. Throws E3004 for one that means nothing. */
function choose(stack: Stack, names: readonly string[]): Managed[] {
  const plans: ServicePlan[] = [...stack.services.values()].map((managed) => managed.plan);
  const chosen = new Set<Managed>();
  for (const name of names) {
    const found = findServices(plans, name);
    if (found === undefined) {
      throw unknownService({ name, known: ["edge", ...knownNames(plans)] });
    }
    for (const plan of found) {
      const managed = stack.services.get(plan.name);
      if (managed !== undefined) chosen.add(managed);
    }
  }
  return [...chosen];
}
