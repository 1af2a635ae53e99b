/**
 * The running stack: its services, edges, history and what has to survive stackd. Holds state and
 * starts what may start; changes of it are in `changes.ts`, its end in `stop-stack.ts`.
 */
import { dirname } from "node:path";
import { type ErrorReport, formatAddress, type Logger } from "@stack/base";
import type { AppPlan, EdgePlan, ResolvedConfig } from "@stack/config";
import type {
  CanaryVerdictStatus,
  ChildExit,
  ListenerRecord,
  Maintenance,
  StackEvent,
  StatePaths,
} from "@stack/control";
import { type CanaryTrial, markCanaries } from "../../core/canary-trial.ts";
import { markFailedApps } from "../../core/failure-page.ts";
import type { KeeperOptions } from "../../core/keeper-options.ts";
import type { Memory } from "../../core/memory.ts";
import { planWithRedis } from "../../core/plan-with-redis.ts";
import { planWithoutRotation } from "../../core/plan-without-rotation.ts";
import {
  dependenciesOf,
  findServices,
  noOverrides,
  type Overrides,
  planServices,
  type ServicePlan,
} from "../../core/services.ts";
import { markStoppedApps } from "../../core/stopped-apps.ts";
import { buildService, completeApp } from "./build-service.ts";
import { createEdges, type Edges } from "./edges.ts";
import { createFailures, type Failures } from "./failures.ts";
import { createHistory, type History } from "./history.ts";
import type { KeeperLink, Welcome } from "./keeper-link.ts";
import type { Managed } from "./managed.ts";
import { createReleaseCommands, type ReleaseCommands } from "./release-commands.ts";
import { createSecretFiles } from "./secret-files.ts";
import type { SignalDesk } from "./signals.ts";
import { createWaiters } from "./waiters.ts";

export interface StackSetup {
  readonly options: KeeperOptions;
  readonly paths: StatePaths;
  /** Of apps and programs, before what the config adds. */
  readonly env: Readonly<Record<string, string>>;
  readonly keeper: KeeperLink;
  readonly welcome: Welcome;
  readonly log: Logger;
}

type Phase = "starting" | "running" | "stopping";

export interface Stack {
  readonly setup: StackSetup;
  config: ResolvedConfig;
  overrides: Overrides;
  /** What `stack maintenance` said last; null when requests are answered. */
  maintenance: Maintenance | null;
  releases: number;
  /** What the keeper has bound of the config, in its order. */
  listeners: readonly ListenerRecord[];
  owned: boolean;
  phase: Phase;
  readonly edges: Edges;
  readonly services: Map<string, Managed>;
  readonly history: History;
  readonly failures: Failures;
  readonly releaseCommands: ReleaseCommands;
  readonly release: () => string;
  /** What the config and the overrides ask for, in order of start. */
  readonly plans: () => ServicePlan[];
  readonly planOf: (app: string) => AppPlan | undefined;
  readonly note: (level: StackEvent["level"], source: string, text: string) => void;
  /** Adds a service without starting it. */
  readonly add: (plan: ServicePlan) => Managed;
  /** Forgets a service that has stopped. */
  readonly remove: (name: string) => void;
  /** Starts what is wanted and whose dependencies are ready. */
  readonly startWaiting: () => void;
  readonly isStopped: (plan: ServicePlan) => boolean;
  readonly childExited: (exit: ChildExit) => void;
  /** The edge that served when the last stackd died. */
  readonly rememberedEdge: string | null;
  readonly remember: () => void;
  /** Services that a change is stopping: they are not started again by themselves. */
  readonly held: Set<string>;
  /** While a reload is under way: what new generations are called. */
  nextRelease: string | null;
  /**
   * Asks again after every change until `probe` gives something other than undefined; what it
   * throws is thrown here. Rejects with `late()` after the deadline.
   */
  readonly until: <T>(
    probe: () => T | undefined,
    deadlineMs: number,
    late: () => Error,
  ) => Promise<T>;
  /** `reload --canary` is under way. */
  canary: CanaryTrial | null;
  /** What became of the last of each app. */
  readonly lastCanaries: Map<string, Omit<CanaryVerdictStatus, "ageMs">>;
  /** Called after anything that `status` shows has changed. */
  onChange: () => void;
  onEvent: (event: StackEvent) => void;
  onEdgeDegraded: () => void;
  /** Somebody signalled the arbiter of an app. */
  onSignal: SignalDesk;
  /** The first error of a service that will not become ready by itself. */
  readonly firstError: () => ErrorReport | null;
  readonly isReady: () => boolean;
}

/** No drain of an edge is shorter: a client's slow answer is not the app's matter. */
const shortestDrainMs = 5_000;

export function createStack(
  setup: StackSetup,
  config: ResolvedConfig,
  memory: Memory | undefined,
): Stack {
  const { keeper, paths, env, options } = setup;
  const services = new Map<string, Managed>();
  const waiters = createWaiters();
  let remembering = false;
  const onEvent = (event: StackEvent): void => {
    stack.onEvent(event);
    changed();
  };
  const history = createHistory(memory, setup.log, onEvent, remember);

  const secrets = createSecretFiles((files) => {
    for (const edge of edges.all()) edge.giveFiles(files);
  });
  const edges = createEdges(
    {
      keeper,
      command: (generation, { listeners, threads }) => [
        process.execPath,
        options.edge,
        ...["--control", paths.edgeControl],
        ...["--run", paths.edge],
        ...["--generation", String(generation)],
        ...["--threads", String(threads)],
        ...["--listeners", JSON.stringify(listeners.map(forEdge))],
      ],
      cwd: dirname(config.file),
      env,
      setup: () => {
        const { threads, user } = stack.config.edge;
        return { listeners: stack.listeners, threads, user };
      },
      plan: () =>
        markCanaries(
          markFailedApps(
            markStoppedApps(edgePlan(), stack.plans(), stack.isStopped),
            failures.shown(),
          ),
          stack.canary,
        ),
      files: (plan) => (stack.config.edge.user === undefined ? {} : secrets.read(plan)),
      maintenance: () => stack.maintenance,
      drainMs: () => {
        const apps = Object.values(stack.config.apps);
        return Math.max(shortestDrainMs, ...apps.map((app) => app.drainTimeoutMs));
      },
      onChange: changed,
      onCurrent: remember,
      onExit: (exit) => history.recordExit("edge", exit),
      onRestart: () => history.countRestart("edge"),
      onDegraded(reason) {
        history.note("warn", "edge", `degraded: ${reason}`);
        stack.onEdgeDegraded();
      },
    },
    memory?.edgeGeneration ?? 0,
  );

  const releaseCommands = createReleaseCommands({
    keeper,
    note: history.note,
    onChange() {
      startWaiting();
      changed();
    },
  });
  const failures = createFailures({
    isWatched: () => options.watch === true && stack.owned,
    apps: () => Object.keys(stack.config.apps),
    startError(app) {
      const own = [...services.values()].filter(
        ({ plan }) => plan.kind === "app" && plan.app.name === app,
      );
      const errors = own.map((managed) => managed.error());
      return errors.find((error) => error !== null) ?? null;
    },
    tell() {
      stack.edges.renewApps().catch((error: Error) => {
        setup.log.warn(`the edge does not show why an app fails: ${error.message}`);
      });
    },
  });

  const stack: Stack = {
    setup,
    config,
    overrides: memory?.overrides ?? noOverrides,
    maintenance: memory?.maintenance ?? null,
    releases: memory?.releases ?? 1,
    listeners: [],
    owned: memory?.owned ?? options.owned === true,
    phase: memory === undefined ? "starting" : "running",
    edges,
    services,
    history,
    failures,
    releaseCommands,
    note: history.note,
    held: new Set(),
    nextRelease: null,
    canary: null,
    lastCanaries: new Map(),
    until: waiters.until,
    rememberedEdge: memory?.edge ?? null,
    release: () => `r${stack.releases}`,
    plans: () => planServices(stack.config, stack.overrides),
    planOf(app) {
      const plan = stack.plans().find((one) => one.kind === "app" && one.app.name === app);
      return plan?.kind === "app" ? completeApp(plan.app, stack.config, setup) : undefined;
    },
    add(plan) {
      const managed = buildService(plan, {
        setup,
        history,
        config: () => stack.config,
        releaseCommands,
        keepOfCanary(release) {
          if (stack.canary !== null) return null;
          const isNew = release === stack.release();
          stack.note("warn", plan.name, `a canary was under way: ${isNew ? "kept" : "taken back"}`);
          return isNew ? "new" : "old";
        },
        release: () => stack.nextRelease ?? stack.release(),
        onSignal: (managed, signal) => stack.onSignal(managed, signal),
        onChange() {
          startWaiting();
          changed();
        },
      });
      services.set(plan.name, managed);
      return managed;
    },
    remove(name) {
      const gone = services.get(name);
      gone?.service[Symbol.dispose]();
      services.delete(name);
      const app = gone?.plan.kind === "app" ? gone.plan.app.name : null;
      const others = [...services.values()].map((one) => one.plan);
      if (app !== null && findServices(others, app) === undefined) releaseCommands.forget(app);
      changed();
    },
    startWaiting,
    isStopped: (plan) => stack.overrides.stopped.includes(plan.name),
    childExited(exit) {
      const known =
        edges.exited(exit) ||
        releaseCommands.exited(exit) ||
        [...services.values()].some((one) => one.exited(exit));
      if (!known) setup.log.info(`${exit.name} ended, which nobody waits for`);
      keeper.acknowledge(exit.seq);
    },
    remember,
    onChange: () => {},
    onEvent: () => {},
    onEdgeDegraded: () => {},
    onSignal: () => {},
    firstError() {
      const wanted = [...services.values()].filter((one) => !stack.isStopped(one.plan));
      const errors = [edges.error(), ...wanted.map((one) => one.error())];
      return errors.find((error) => error !== null) ?? null;
    },
    isReady: () =>
      edges.state() === "ready" &&
      [...services.values()].every((one) => stack.isStopped(one.plan) || isFullyReady(one)),
  };

  function edgePlan(): EdgePlan {
    return planWithoutRotation(planWithRedis(stack.config, paths.run), stack.config.edge.user);
  }

  function startWaiting(): void {
    if (stack.phase === "stopping") return;
    const hasRedis = services.has("redis");
    for (const { plan, service } of services.values()) {
      const isWanted = !stack.isStopped(plan) && !stack.held.has(plan.name);
      if (service.state().name !== "stopped" || !isWanted) continue;
      if (!dependenciesOf(plan, hasRedis).every(isUp) || !isPrepared(plan)) continue;
      service.dispatch({ type: "start" });
    }
  }

  /** Its release commands are done; else they are begun. */
  function isPrepared(plan: ServicePlan): boolean {
    if (plan.kind !== "app") return true;
    const app = completeApp(plan.app, stack.config, setup);
    return releaseCommands.prepare(app, stack.nextRelease ?? stack.release());
  }

  function isUp(name: string): boolean {
    const plans = [...services.values()].map((one) => one.plan);
    const needed = findServices(plans, name) ?? [];
    return needed.every((plan) => services.get(plan.name)?.isReady());
  }

  function changed(): void {
    waiters.review();
    failures.review();
    stack.onChange();
  }

  /** Several changes of one turn are remembered once. */
  function remember(): void {
    if (remembering) return;
    remembering = true;
    setImmediate(() => {
      remembering = false;
      const kept: Memory = {
        version: 1,
        config: stack.config,
        overrides: stack.overrides,
        maintenance: stack.maintenance,
        releases: stack.releases,
        edgeGeneration: edges.generation(),
        edge: edges.current()?.name ?? null,
        restarts: Object.fromEntries(history.restarts),
        exits: history.exits(),
        events: history.events(),
        owned: stack.owned,
      };
      keeper.remember(kept);
    });
  }

  return stack;
}

function forEdge({ name, address }: ListenerRecord): object {
  return { name, address: formatAddress(address) };
}

/** Every worker of an instance, where one is enough for those that depend on it. */
export function isFullyReady(managed: Managed): boolean {
  return managed.instance === null ? managed.isReady() : managed.state() === "ready";
}
