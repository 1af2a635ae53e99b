/** The counters of all threads as Prometheus reads them. */
import { createExposition, type Histogram, type Labels } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import type { EdgeUpstreamMetrics } from "@stack/control";
import { countWaiting } from "../scheduling/app-queue.ts";
import type { KnownWorker, WorkerRegistry } from "../scheduling/worker-registry.ts";
import { readLoad, readServed, readState, workerState } from "../scheduling/worker-slots.ts";
import type { ListenerOption } from "../thread-messages.ts";
import { describeCache } from "./cache-exposition.ts";
import { sumListener } from "./listener-metrics.ts";
import { sumAppMetrics, sumMetrics } from "./metrics.ts";
import { routeLabel, routeTarget } from "./route-label.ts";
import {
  durationBounds,
  type HistogramTotals,
  noRouteSlot,
  otherRoutesSlot,
  type RouteTotals,
  sumRoute,
} from "./route-metrics.ts";
import { exposeUpstreamServers } from "./upstream-exposition.ts";

export interface ExposedEdge {
  readonly generation: number;
  readonly threads: number;
  readonly metrics: SharedArrayBuffer;
  readonly routes: SharedArrayBuffer;
  readonly cache: SharedArrayBuffer;
  readonly listenerCounts: SharedArrayBuffer;
  readonly listeners: readonly ListenerOption[];
  readonly registry: WorkerRegistry;
  readonly upstreams: Readonly<Record<string, EdgeUpstreamMetrics>>;
  /** Undefined before the first plan. */
  readonly plan: EdgePlan | undefined;
  readonly routeSlots: ReadonlyMap<string, number>;
}

/** The edge's process, all threads. */
export interface ProcessUse {
  readonly startedAtMs: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

interface ExposedRoute {
  readonly slot: number;
  readonly labels: Labels;
  readonly target: string;
  readonly totals: RouteTotals;
}

const classNames = ["", "1xx", "2xx", "3xx", "4xx", "5xx"];

export function exposeEdge(edge: ExposedEdge, use: ProcessUse, nowMs: number): string {
  const out = createExposition();
  const totals = sumMetrics(edge.metrics, nowMs);
  const labels: Labels = { generation: edge.generation };
  out.gauge("stack_edge_info", "The edge generation that answers here.", [[labels, 1]]);
  out.gauge("stack_edge_threads", "Serving threads.", edge.threads);
  out.gauge("stack_edge_connections", "Client connections open.", totals.connections);
  out.gauge("stack_edge_tunnels", "Upgraded connections (WebSockets) open.", totals.tunnels);
  out.counter("stack_edge_connections_total", "Client connections accepted.", totals.accepted);
  out.counter("stack_edge_requests_total", "Requests answered.", totals.requests);
  out.counter(
    "stack_edge_answers_total",
    "Answers by class; 1xx come before another.",
    byClass({}, totals.answers),
  );
  exposeListeners(out, edge);
  const routes = exposedRoutes(edge);
  exposeRoutes(out, routes);
  if (edge.plan?.cache !== undefined) exposeCache(out, edge, routes);
  exposeApps(out, edge, routes, nowMs);
  exposeUpstreams(out, routes);
  exposeUpstreamServers(out, edge.upstreams);
  out.counter("process_cpu_seconds_total", "CPU time of the edge, all threads.", use.cpuSeconds);
  out.gauge("process_resident_memory_bytes", "Resident memory of the edge.", use.residentBytes);
  out.gauge(
    "process_start_time_seconds",
    "When the edge started, Unix time.",
    use.startedAtMs / 1_000,
  );
  return out.text();
}

/** Those of the plan in force; what was counted of others is not shown any more. */
function exposedRoutes(edge: ExposedEdge): readonly ExposedRoute[] {
  const known = new Map<number, ExposedRoute>();
  for (const route of edge.plan?.routes ?? []) {
    const label = routeLabel(route);
    const slot = edge.routeSlots.get(label);
    if (slot === undefined || slot === otherRoutesSlot || known.has(slot)) continue;
    const target = routeTarget(route);
    const totals = sumRoute(edge.routes, slot);
    known.set(slot, { slot, labels: { route: label, target }, target, totals });
  }
  const more = [
    { slot: noRouteSlot, labels: { route: "", target: "none" } },
    { slot: otherRoutesSlot, labels: { route: "other", target: "other" } },
  ];
  return [
    ...known.values(),
    ...more
      .map(({ slot, labels }) => ({
        slot,
        labels,
        target: "",
        totals: sumRoute(edge.routes, slot),
      }))
      .filter(({ totals }) => sum(totals.answers) > 0),
  ];
}

type Exposition = ReturnType<typeof createExposition>;

function exposeListeners(out: Exposition, edge: ExposedEdge): void {
  const listeners = edge.listeners.map(({ name, address }, index) => ({
    labels: { listener: name, address },
    ...sumListener(edge.listenerCounts, index),
  }));
  out.gauge(
    "stack_listener_connections",
    "Connections open on a listener.",
    listeners.map(({ labels, open }) => [labels, open]),
  );
  out.counter(
    "stack_listener_connections_total",
    "Connections a listener accepted.",
    listeners.map(({ labels, accepted }) => [labels, accepted]),
  );
}

function exposeRoutes(out: Exposition, routes: readonly ExposedRoute[]): void {
  out.counter(
    "stack_route_requests_total",
    "Requests by route and class of the answer; without a route where none matched.",
    routes.flatMap(({ labels, totals }) => byClass(labels, totals.answers)),
  );
  out.histogram(
    "stack_route_duration_seconds",
    "From the request's head to the end of its answer.",
    durationBounds,
    routes.map(({ labels, totals }) => [labels, inSeconds(totals.duration)]),
  );
  out.counter(
    "stack_route_received_bytes_total",
    "Bytes of request bodies.",
    routes.map(({ labels, totals }) => [labels, totals.bytesIn]),
  );
  out.counter(
    "stack_route_sent_bytes_total",
    "Bytes of answers' bodies.",
    routes.map(({ labels, totals }) => [labels, totals.bytesOut]),
  );
  out.counter(
    "stack_route_limited_total",
    "Requests beyond a limit of the route; with dry_run they were let through.",
    routes.flatMap(({ labels, totals }) => [
      ...(totals.limited > 0 ? [[{ ...labels, dry_run: "false" }, totals.limited] as const] : []),
      ...(totals.limitedDry > 0
        ? [[{ ...labels, dry_run: "true" }, totals.limitedDry] as const]
        : []),
    ]),
  );
}

function exposeCache(out: Exposition, edge: ExposedEdge, routes: readonly ExposedRoute[]): void {
  out.counter(
    "stack_cache_requests_total",
    "Requests of routes with a cache, by what it did with them and why.",
    routes.flatMap(({ slot, labels }) => describeCache(edge.cache, slot, labels)),
  );
}

function exposeApps(
  out: Exposition,
  edge: ExposedEdge,
  routes: readonly ExposedRoute[],
  nowMs: number,
): void {
  const apps = edge.registry.apps().map((app) => ({
    app,
    labels: { app: app.name },
    totals: sumAppMetrics(edge.metrics, app.metricsSlot, nowMs),
    routes: routes.filter(({ target }) => target === `app:${app.name}`),
  }));
  out.counter(
    "stack_app_requests_total",
    "Requests a worker of the app had.",
    apps.map(({ labels, totals }) => [labels, totals.requests]),
  );
  out.gauge(
    "stack_app_in_flight",
    "Requests with a worker.",
    apps.map(({ labels, totals }) => [labels, totals.inFlight]),
  );
  out.gauge(
    "stack_app_queue_length",
    "Requests that wait for a worker.",
    apps.map(({ app, labels }) => [labels, countWaiting(new Int32Array(app.queue))]),
  );
  out.histogram(
    "stack_app_queue_seconds",
    "How long requests waited for a worker.",
    durationBounds,
    apps.map((app) => [app.labels, together(app.routes, "queue")]),
  );
  out.histogram(
    "stack_app_duration_seconds",
    "From the request's head to the end of its answer, queueing included.",
    durationBounds,
    apps.map((app) => [app.labels, together(app.routes, "duration")]),
  );
  exposeWorkers(out, [...edge.registry.all()]);
}

function exposeWorkers(out: Exposition, workers: readonly KnownWorker[]): void {
  const labelled = workers.map((worker) => ({
    worker,
    labels: { app: worker.app.name, worker: worker.record.id, key: worker.record.key },
  }));
  out.counter(
    "stack_worker_requests_total",
    "Requests a worker answered.",
    labelled.map(({ worker, labels }) => [labels, readServed(worker.slots)]),
  );
  out.gauge(
    "stack_worker_in_flight",
    "Requests on a worker.",
    labelled.map(({ worker, labels }) => [labels, readLoad(worker.slots)]),
  );
  out.gauge(
    "stack_worker_open",
    "1 while new requests are sent to it, 0 while it drains.",
    labelled.map(({ worker, labels }) => [
      labels,
      readState(worker.slots) === workerState.open ? 1 : 0,
    ]),
  );
}

function exposeUpstreams(out: Exposition, routes: readonly ExposedRoute[]): void {
  const names = new Set(
    routes.flatMap(({ target }) =>
      target.startsWith("upstream:") ? [target.slice("upstream:".length)] : [],
    ),
  );
  const upstreams = [...names].map((upstream) => ({
    labels: { upstream },
    routes: routes.filter(({ target }) => target === `upstream:${upstream}`),
  }));
  out.counter(
    "stack_upstream_requests_total",
    "Requests to an upstream by class of the answer.",
    upstreams.flatMap(({ labels, routes }) =>
      byClass(
        labels,
        classNames.map((_, index) => sum(routes.map(({ totals }) => totals.answers[index] ?? 0))),
      ),
    ),
  );
  out.histogram(
    "stack_upstream_duration_seconds",
    "From the request's head to the end of its answer.",
    durationBounds,
    upstreams.map(({ labels, routes }) => [labels, together(routes, "duration")]),
  );
}

function byClass(labels: Labels, answers: readonly number[]): (readonly [Labels, number])[] {
  return answers.flatMap((count, index) =>
    index === 0 ? [] : [[{ ...labels, class: classNames[index] ?? "" }, count] as const],
  );
}

function together(routes: readonly ExposedRoute[], what: "queue" | "duration"): Histogram {
  const all = routes.map(({ totals }) => totals[what]);
  return {
    sum: sum(all.map(({ sumMs }) => sumMs)) / 1_000,
    counts: Array.from({ length: durationBounds.length + 1 }, (_, bucket) =>
      sum(all.map(({ counts }) => counts[bucket] ?? 0)),
    ),
  };
}

function inSeconds({ sumMs, counts }: HistogramTotals): Histogram {
  return { sum: sumMs / 1_000, counts };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
