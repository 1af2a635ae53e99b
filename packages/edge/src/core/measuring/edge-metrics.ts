/** The counters of all threads as the message stackd gets every second. */
import type { EdgeAppMetrics, EdgeMetrics, WorkerLoad } from "@stack/control";
import { countWaiting } from "../scheduling/app-queue.ts";
import type { KnownWorker, WorkerRegistry } from "../scheduling/worker-registry.ts";
import { readServed } from "../scheduling/worker-slots.ts";
import { sumAppMetrics, sumMetrics } from "./metrics.ts";

export function collectMetrics(
  memory: SharedArrayBuffer,
  registry: WorkerRegistry,
  nowMs: number,
  loadOf: (worker: KnownWorker) => WorkerLoad,
): EdgeMetrics {
  const { connections, requests, answers, latencyMs } = sumMetrics(memory, nowMs);
  const apps: Record<string, EdgeAppMetrics> = {};
  for (const app of registry.apps()) {
    const workers: Record<string, number> = {};
    const loads: Record<string, WorkerLoad> = {};
    for (const worker of registry.all()) {
      if (worker.app !== app) continue;
      workers[worker.record.key] = readServed(worker.slots);
      loads[worker.record.key] = loadOf(worker);
    }
    const totals = sumAppMetrics(memory, app.metricsSlot, nowMs);
    apps[app.name] = {
      requests: totals.requests,
      errors: totals.errors,
      queue: countWaiting(new Int32Array(app.queue)),
      inFlight: totals.inFlight,
      latencyMs: totals.latencyMs,
      workers,
      loads,
    };
  }
  return { connections, requests, answers, latencyMs, apps };
}
