/**
 * The keeper is gone, and with it everybody's parent: drain what serves, end the rest by pid and
 * start time, remove every trace, so that the next `up` starts clean.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChildRecord } from "@stack/control";
import { isRunning, signalGroup } from "@stack/process";
import { planStopOrder } from "../../core/services.ts";
import { killLeftovers, removeLeftoverFiles } from "../keeper/leftovers.ts";
import { type KeeperIdentity, releaseLock } from "../keeper/lock.ts";
import type { Stack } from "./stack.ts";

const graceMs = 10_000;
const pollMs = 30;

/** Resolves when nothing of the stack is left but this process. */
export async function endOrphaned(stack: Stack, keeper: KeeperIdentity): Promise<void> {
  stack.phase = "stopping";
  const { paths } = stack.setup;
  const drainMs = Math.max(
    graceMs,
    ...Object.values(stack.config.apps).map((app) => app.drainTimeoutMs),
  );
  const edges = stack.edges.all().flatMap((edge) => edge.child() ?? []);
  stack.edges.drainAll();
  await endAll(edges, drainMs);
  const plans = [...stack.services.values()].map((managed) => managed.plan);
  for (const group of planStopOrder(plans)) {
    const services = group.flatMap((plan) => stack.services.get(plan.name) ?? []);
    const children = services.flatMap(({ service, instance }) => {
      const child = service.child();
      if (child === null) return [];
      const asked = instance?.drain() ?? false;
      if (!asked && isRunning(child.pid, child.startTime)) signalGroup(child.pid, "SIGTERM");
      return [child];
    });
    await endAll(children, drainMs);
  }
  await killLeftovers(paths);
  removeLeftoverFiles(paths);
  releaseLock(paths.lock, keeper);
}

/** Nobody reports their exits any more: look, and kill those that outstay. */
async function endAll(children: readonly ChildRecord[], deadlineMs: number): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const living = children.filter((child) => isRunning(child.pid, child.startTime));
    if (living.length === 0) return;
    if (performance.now() > end) {
      for (const child of living) signalGroup(child.pid, "SIGKILL");
      return;
    }
    await sleep(pollMs);
  }
}
