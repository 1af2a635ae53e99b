/** What stackd knows of the processes, as Prometheus reads it: the edge's own metrics have the requests. */
import { createExposition } from "@stack/base";
import type { StatusData } from "@stack/control";

export function exposeProcesses(status: StatusData): string {
  const out = createExposition();
  const processes = status.processes.map((process) => ({
    process,
    labels: { process: process.name, kind: process.kind },
  }));
  const workers = status.apps.flatMap((app) =>
    app.workers.map((worker) => ({ worker, labels: { app: app.name, worker: worker.id } })),
  );
  out.gauge("stack_ready", "1 when all is as the config wants it.", [
    [{ stack: status.stack, release: status.release }, status.state === "ready" ? 1 : 0],
  ]);
  out.gauge(
    "stack_process_ready",
    "1 when a process is ready.",
    processes.map(({ process, labels }) => [labels, process.state === "ready" ? 1 : 0]),
  );
  out.counter(
    "stack_process_restarts_total",
    "Restarts of a process that nobody asked for.",
    processes.map(({ process, labels }) => [labels, process.restarts]),
  );
  out.gauge(
    "stack_process_uptime_seconds",
    "Since a process was started.",
    processes.map(({ process, labels }) => [labels, process.uptimeMs / 1_000]),
  );
  out.gauge(
    "stack_process_memory_bytes",
    "Proportional memory (PSS) of a process.",
    processes.flatMap(({ process, labels }) =>
      process.memoryBytes === null ? [] : [[labels, process.memoryBytes] as const],
    ),
  );
  out.gauge(
    "stack_app_workers_desired",
    "Workers an app should have.",
    status.apps.map((app) => [{ app: app.name }, app.desired]),
  );
  out.gauge(
    "stack_app_workers_ready",
    "Workers that take requests.",
    status.apps.map((app) => [{ app: app.name }, app.ready]),
  );
  out.counter(
    "stack_worker_restarts_total",
    "Restarts of a worker.",
    workers.map(({ worker, labels }) => [labels, worker.restarts]),
  );
  out.counter(
    "stack_worker_exceptions_total",
    "Requests a worker has answered with 500.",
    workers.map(({ worker, labels }) => [labels, worker.exceptions]),
  );
  out.gauge(
    "stack_worker_busy_ratio",
    "How much of what a worker takes at once it has had lately.",
    workers.map(({ worker, labels }) => [labels, worker.busyPercent / 100]),
  );
  out.gauge(
    "stack_worker_oldest_request_seconds",
    "How long the oldest request of a worker has been under way.",
    workers.map(({ worker, labels }) => [labels, (worker.current?.ageMs ?? 0) / 1_000]),
  );
  out.gauge(
    "stack_worker_memory_bytes",
    "Proportional memory (PSS) of a worker.",
    workers.flatMap(({ worker, labels }) =>
      worker.memoryBytes === null ? [] : [[labels, worker.memoryBytes] as const],
    ),
  );
  return out.text();
}
