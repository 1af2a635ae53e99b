/** `status`: what every service knows of itself, put together in the shape clients get. */
import type { ErrorReport } from "@stack/base";
import type { AppPlan } from "@stack/config";
import type {
  AppStatus,
  CanaryVerdictStatus,
  InstanceState,
  InstanceWorker,
  LastExit,
  RunningRequest,
  ServiceState,
  WorkerLoad,
  WorkerStatus,
} from "@stack/control";
import type { ProcessUse } from "@stack/process";
import { type CanaryTrial, describeTrial } from "./canary-trial.ts";
import { appOf, type MetricsWindow, rateOf, sumOf, sumOfApp } from "./rates.ts";

/** One instance as far as it is known: `instance` is null while its arbiter has not spoken. */
export interface InstanceView {
  readonly number: number;
  readonly state: ServiceState;
  readonly instance: InstanceState | null;
  /** Why it will not become ready by itself. */
  readonly error: ErrorReport | null;
}

/** Of each worker; more are remembered. */
const shownExits = 5;

/** What is measured from outside the services. */
export interface Measured {
  /** Of every edge that lives. */
  readonly windows: readonly MetricsWindow[];
  readonly usageOf: (pid: number | null) => ProcessUse;
  readonly canary: CanaryTrial | null;
  readonly lastCanaryOf: (app: string) => Omit<CanaryVerdictStatus, "ageMs"> | undefined;
  /** Why the last reload of an app failed. */
  readonly reloadErrorOf: (app: string) => ErrorReport | null;
  /** Milliseconds since an ISO time. */
  readonly ageOf: (at: string) => number;
  /** What is under way, as the edges said last; the oldest first. */
  readonly running: readonly RunningRequest[];
  /** The ends of a worker that are remembered, the newest last. */
  readonly exitsOf: (worker: string) => readonly LastExit[];
}

export function assembleApp(
  app: AppPlan,
  instances: readonly InstanceView[],
  measured: Measured,
): AppStatus {
  const { windows } = measured;
  const workers = instances.flatMap((view) =>
    (view.instance?.workers ?? []).map((worker) =>
      assembleWorker(app.name, view.number, worker, measured),
    ),
  );
  const perInstance = app.kind === "command" ? 1 : app.workers;
  const latest = windows.at(-1);
  const canary = measured.canary === null ? undefined : describeTrial(measured.canary, app.name);
  const lastCanary = measured.lastCanaryOf(app.name);
  const startErrors = instances.flatMap(({ error }) => (error === null ? [] : [error]));
  return {
    name: app.name,
    kind: app.kind,
    state: stateOfAll(instances.map((view) => view.state)),
    desired: instances
      .filter((view) => view.state !== "stopped")
      .reduce((sum, view) => sum + (view.instance?.desired || perInstance), 0),
    ready: workers.filter((worker) => worker.state === "ready").length,
    queue: sumOf(windows, (metrics) => sumOfApp(metrics, app.name, (one) => one.queue)),
    inFlight: sumOf(windows, (metrics) => sumOfApp(metrics, app.name, (one) => one.inFlight)),
    requestsPerSecond: rateOf(windows, (metrics) =>
      sumOfApp(metrics, app.name, (one) => one.requests),
    ),
    latencyMs: (latest && appOf(latest.last, app.name)?.latencyMs) ?? null,
    workers,
    error: startErrors[0] ?? measured.reloadErrorOf(app.name),
    ...(canary === undefined ? {} : { canary }),
    ...(lastCanary === undefined
      ? {}
      : { lastCanary: { ...lastCanary, ageMs: measured.ageOf(lastCanary.at) } }),
  };
}

function assembleWorker(
  app: string,
  instance: number,
  worker: InstanceWorker,
  { windows, usageOf, ageOf, running, exitsOf }: Measured,
): WorkerStatus {
  const load = (pick: (load: WorkerLoad) => number | undefined): number =>
    sumOf(windows, (metrics) =>
      sumOfApp(metrics, app, ({ loads }) => {
        const known = loads?.[worker.key];
        return (known === undefined ? 0 : pick(known)) ?? 0;
      }),
    );
  const current = running.find(
    ({ servedBy, state }) => servedBy === worker.id && state !== "tunnel",
  );
  return {
    id: worker.id,
    pid: worker.pid,
    instance,
    generation: worker.generation,
    state: worker.state,
    requests: sumOf(windows, (metrics) =>
      sumOfApp(metrics, app, (one) => one.workers[worker.key] ?? 0),
    ),
    inFlight: load(({ inFlight }) => inFlight),
    busyPercent: Math.round(100 * load(({ busyShare }) => busyShare)),
    exceptions: load(({ exceptions }) => exceptions),
    current: current === undefined ? null : requestOf(current),
    restarts: worker.restarts,
    exits: exitsOf(worker.id).slice(-shownExits),
    lastExit: worker.lastExit,
    uptimeMs: worker.pid === null ? 0 : ageOf(worker.startedAt),
    ...usageOf(worker.pid),
  };
}

function requestOf({ method, url, client, ageMs }: RunningRequest): WorkerStatus["current"] {
  return { method, url, client, ageMs };
}

/** One state for several: all alike, or the worst that still says what is going on. */
export function stateOfAll(states: readonly ServiceState[]): ServiceState {
  const [first] = states;
  if (first === undefined) return "stopped";
  if (states.every((state) => state === first)) return first;
  if (states.includes("draining") && !states.includes("crashed")) return "draining";
  if (states.includes("booting") && !states.includes("crashed") && !states.includes("degraded")) {
    return states.includes("ready") ? "degraded" : "booting";
  }
  return "degraded";
}

/** Of the whole stack; what an operator stopped does not count. */
export function stateOfStack(
  states: readonly ServiceState[],
  phase: "starting" | "running" | "stopping",
): ServiceState {
  if (phase === "stopping") return "draining";
  const wanted = states.filter((state) => state !== "stopped" && state !== "disabled");
  if (wanted.every((state) => state === "ready")) return "ready";
  if (phase === "starting" && wanted.every((state) => state === "ready" || state === "booting")) {
    return "booting";
  }
  return wanted.length > 0 && wanted.every((state) => state === "crashed") ? "crashed" : "degraded";
}

/** "http://127.0.0.1:8080" for an address that may be a wildcard. */
export function formatUrl(host: string, port: number, scheme: "http" | "https" = "http"): string {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
