/** `status` of the running stack: asks every part, and puts the answers together. */
import { formatAddress } from "@stack/base";
import type {
  Maintenance,
  ProcessKind,
  ProcessStatus,
  RunningRequest,
  StatusData,
} from "@stack/control";
import type { ProcessSampler } from "@stack/process";
import { lastExitOf } from "../../core/exit-history.ts";
import { rateOf, sumOf } from "../../core/rates.ts";
import {
  assembleApp,
  formatUrl,
  type InstanceView,
  type Measured,
  stateOfStack,
} from "../../core/status.ts";
import type { Stack } from "./stack.ts";

/** @param running what the edges said last */
export function takeSnapshot(
  stack: Stack,
  sampler: ProcessSampler,
  running: readonly RunningRequest[],
): StatusData {
  const measured: Measured = {
    windows: stack.edges.windows(),
    usageOf: sampler.of,
    canary: stack.canary,
    lastCanaryOf: (app) => stack.lastCanaries.get(app),
    reloadErrorOf: stack.failures.of,
    ageOf: (at) => Math.max(0, Date.now() - Date.parse(at)),
    running,
    exitsOf: (worker) => stack.history.exits()[worker] ?? [],
  };
  const apps = Object.values(stack.config.apps).map((written) =>
    assembleApp(stack.planOf(written.name) ?? written, instancesOf(stack, written.name), measured),
  );
  const plain = [...stack.services.values()].filter((one) => one.instance === null);
  const states = [
    stack.edges.state(),
    ...apps.map((app) => app.state),
    ...plain.map((one) => one.state()),
  ];
  return {
    stack: stack.config.name,
    state: stateOfStack(states, stack.phase),
    release: stack.release(),
    config: stack.config.file,
    startedAt: stack.setup.welcome.startedAt,
    processes: processes(stack, measured),
    apps,
    edge: edgeStatus(stack, measured),
    events: stack.history.events(),
  };
}

/** What has to be sampled for `takeSnapshot`. */
export function pidsOf(stack: Stack): number[] {
  const children = [
    ...stack.edges.all().map((edge) => edge.child()?.pid),
    ...[...stack.services.values()].flatMap((one) => [
      one.service.child()?.pid,
      ...(one.instance?.view()?.workers ?? []).map((worker) => worker.pid),
    ]),
  ];
  const own = [stack.setup.welcome.keeperPid, process.pid];
  return [...own, ...children].filter((pid): pid is number => typeof pid === "number");
}

function instancesOf(stack: Stack, app: string): InstanceView[] {
  return [...stack.services.values()].flatMap((one) =>
    one.plan.kind === "app" && one.plan.app.name === app && one.instance !== null
      ? [
          {
            number: one.instance.number,
            state: one.state(),
            instance: one.instance.view(),
            error: one.error(),
          },
        ]
      : [],
  );
}

function processes(stack: Stack, measured: Measured): ProcessStatus[] {
  const { welcome } = stack.setup;
  const own = (name: string, kind: ProcessKind, pid: number, restarts: number, upMs: number) => ({
    name,
    kind,
    pid,
    state: "ready" as const,
    restarts,
    uptimeMs: Math.round(upMs),
    lastExit: null,
    ...measured.usageOf(pid),
  });
  const common = (name: string) => ({
    restarts: stack.history.restarts.get(name) ?? 0,
    lastExit: lastExitOf(stack.history.exits(), name),
  });
  const keeperUp = measured.ageOf(welcome.startedAt);
  const current = stack.edges.current();
  return [
    own("keeper", "keeper", welcome.keeperPid, 0, keeperUp),
    own("stackd", "stackd", process.pid, welcome.restarts, process.uptime() * 1000),
    {
      name: "edge",
      kind: "edge",
      pid: current?.child()?.pid ?? null,
      state: stack.edges.state(),
      uptimeMs: uptime(current?.child()?.startedAt, measured),
      ...common("edge"),
      ...measured.usageOf(current?.child()?.pid ?? null),
    },
    ...stack.edges
      .all()
      .filter((edge) => edge.draining() && edge !== current)
      .map(
        (edge): ProcessStatus => ({
          name: `edge@${edge.generation}`,
          kind: "edge",
          pid: edge.child()?.pid ?? null,
          state: "draining",
          restarts: 0,
          uptimeMs: uptime(edge.child()?.startedAt, measured),
          lastExit: null,
          ...measured.usageOf(edge.child()?.pid ?? null),
        }),
      ),
    ...[...stack.services.values()].map((one): ProcessStatus => {
      const child = one.service.child();
      return {
        name: one.plan.name,
        kind: one.plan.kind,
        pid: child?.pid ?? null,
        state: one.state(),
        uptimeMs: uptime(child?.startedAt, measured),
        error: one.error(),
        ...common(one.plan.name),
        ...measured.usageOf(child?.pid ?? null),
      };
    }),
  ];
}

function edgeStatus(stack: Stack, { windows }: Measured): StatusData["edge"] {
  const classes = [0, 1, 2, 3, 4, 5];
  return {
    urls: stack.listeners.map(({ address }, index) => {
      const plan = stack.config.edge.plan.listeners?.[index];
      const isHttp = plan === undefined || plan.protocol === "http";
      if (address.kind === "unix")
        return `${isHttp ? "" : `${plan.protocol}://`}unix:${address.path}`;
      if (!isHttp) return `${plan.protocol}://${formatAddress(address)}`;
      const hasTls = (plan?.tls ?? null) !== null;
      return formatUrl(address.host, address.port, hasTls ? "https" : "http");
    }),
    threads: stack.config.edge.threads,
    connections: sumOf(windows, (metrics) => metrics.connections),
    requestsPerSecond: rateOf(windows, (metrics) => metrics.requests),
    latencyMs: windows.at(-1)?.last.latencyMs ?? null,
    ...(stack.maintenance === null ? {} : { maintenance: summaryOf(stack.maintenance) }),
    answers: classes.map((index) => sumOf(windows, (metrics) => metrics.answers[index] ?? 0)),
  };
}

/** Its page is nothing that a status shows. */
function summaryOf({ mode, since, retryAfterS }: Maintenance): {
  readonly mode: Maintenance["mode"];
  readonly since: string;
  readonly retryAfterS: number;
} {
  return { mode, since, retryAfterS };
}

function uptime(startedAt: string | undefined, measured: Measured): number {
  return startedAt === undefined ? 0 : measured.ageOf(startedAt);
}
