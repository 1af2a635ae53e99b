/**
 * The running stack: its services, edges, history and what has to survive stackd. Holds state and
 * starts what may start; changes of it are in `changes.ts`, its end in `stop-stack.ts`.
 */
import { dirname } from "node:path";
import { type ErrorReport, formatAddress, type Logger } from "@stack/base";
import type { AppPlan, ResolvedConfig } from "@stack/config";
import type { ChildExit, LastExit, ListenerRecord, StackEvent, StatePaths } from "@stack/control";
import type { ProcessState } from "@stack/process";
import { completePlan, redisUrl, serviceEnvironment } from "../../core/environment.ts";
import { addExit, type ExitHistory, lastExitOf } from "../../core/exit-history.ts";
import type { KeeperOptions } from "../../core/keeper-options.ts";
import type { Memory } from "../../core/memory.ts";
import {
  dependenciesOf,
  findServices,
  noOverrides,
  type Overrides,
  planServices,
  type ServicePlan,
} from "../../core/services.ts";
import { createAppInstance } from "./app-instance.ts";
import { createEdges, type Edges } from "./edges.ts";
import type { KeeperLink, Welcome } from "./keeper-link.ts";
import type { Managed } from "./managed.ts";
import { createPlainService } from "./plain-service.ts";
import { redisCommand, redisSocket } from "./redis.ts";
import type { ServiceHooks } from "./service.ts";
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

export type Phase = "starting" | "running" | "stopping";

export interface Stack {
  readonly setup: StackSetup;
  config: ResolvedConfig;
  overrides: Overrides;
  releases: number;
  /** What the keeper has bound of the config, in its order. */
  listeners: readonly ListenerRecord[];
  owned: boolean;
  phase: Phase;
  readonly edges: Edges;
  readonly services: Map<string, Managed>;
  readonly restarts: Map<string, number>;
  readonly exits: () => ExitHistory;
  readonly events: () => readonly StackEvent[];
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
  /** An exit that happened while no stackd lived. */
  readonly missed: (name: string, exit: LastExit) => void;
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
  /** Called after anything that `status` shows has changed. */
  onChange: () => void;
  onEvent: (event: StackEvent) => void;
  onEdgeDegraded: (reason: string) => void;
  onEdgeDrained: () => void;
  /** The first error of a service that will not become ready by itself. */
  readonly firstError: () => ErrorReport | null;
  readonly isReady: () => boolean;
}

const keptEvents = 50;

export function createStack(
  setup: StackSetup,
  config: ResolvedConfig,
  memory: Memory | undefined,
): Stack {
  const { keeper, paths, env, options } = setup;
  const services = new Map<string, Managed>();
  const restarts = new Map(Object.entries(memory?.restarts ?? {}));
  let exits: ExitHistory = memory?.exits ?? {};
  let events: readonly StackEvent[] = memory?.events ?? [];
  let remembering = false;
  const waiters = createWaiters();

  const edges = createEdges(
    {
      keeper,
      command: (generation, { listeners, threads }) => [
        process.execPath,
        options.edge,
        ...["--control", paths.control],
        ...["--run", paths.run],
        ...["--generation", String(generation)],
        ...["--threads", String(threads)],
        ...["--listeners", JSON.stringify(listeners.map(forEdge))],
      ],
      cwd: dirname(config.file),
      env,
      setup: () => ({ listeners: stack.listeners, threads: stack.config.edge.threads }),
      plan: () => stack.config.edge.plan,
      drainMs: () =>
        Math.max(5_000, ...Object.values(stack.config.apps).map((app) => app.drainTimeoutMs)),
      onChange: changed,
      onExit: (exit) => recordExit("edge", exit),
      onRestart: () => countRestart("edge"),
      onDegraded: (reason) => {
        stack.note("warn", "edge", `degraded: ${reason}`);
        stack.onEdgeDegraded(reason);
      },
      onCurrent: remember,
      onDrained: () => stack.onEdgeDrained(),
    },
    memory?.edgeGeneration ?? 0,
  );

  const stack: Stack = {
    setup,
    config,
    overrides: memory?.overrides ?? noOverrides,
    releases: memory?.releases ?? 1,
    listeners: [],
    owned: memory?.owned ?? options.owned === true,
    phase: memory === undefined ? "starting" : "running",
    edges,
    services,
    restarts,
    exits: () => exits,
    events: () => events,
    release: () => `r${stack.releases}`,
    plans: () => planServices(stack.config, stack.overrides),
    planOf: (app) => completeOf(stack.plans(), app),
    note(level, source, text) {
      const event: StackEvent = { at: new Date().toISOString(), level, source, text };
      events = [...events, event].slice(-keptEvents);
      setup.log[level](`${source}: ${text}`);
      stack.onEvent(event);
      changed();
    },
    add,
    remove(name) {
      services.get(name)?.service[Symbol.dispose]();
      services.delete(name);
      changed();
    },
    startWaiting,
    isStopped: (plan) => isStoppedBy(stack.overrides, plan),
    childExited(exit) {
      const known = edges.exited(exit) || [...services.values()].some((one) => one.exited(exit));
      if (!known) setup.log.info(`${exit.name} ended, which nobody waits for`);
      keeper.acknowledge(exit.seq);
    },
    missed(name, exit) {
      recordExit(name, exit);
      countRestart(name);
    },
    rememberedEdge: memory?.edge ?? null,
    remember,
    held: new Set(),
    nextRelease: null,
    until: waiters.until,
    onChange: () => {},
    onEvent: () => {},
    onEdgeDegraded: () => {},
    onEdgeDrained: () => {},
    firstError() {
      const edge = edges.error();
      if (edge !== null) return edge;
      for (const managed of services.values()) {
        const error = stack.isStopped(managed.plan) ? null : managed.error();
        if (error !== null) return error;
      }
      return null;
    },
    isReady: () =>
      edges.state() === "ready" &&
      [...services.values()].every((one) => stack.isStopped(one.plan) || isFullyReady(one)),
  };

  function completeOf(plans: readonly ServicePlan[], app: string): AppPlan | undefined {
    const plan = plans.find((one) => one.kind === "app" && one.app.name === app);
    if (plan?.kind !== "app") return undefined;
    return completePlan(plan.app, env, redisUrl(stack.config.redis, paths.run));
  }

  function add(plan: ServicePlan): Managed {
    const managed =
      plan.kind === "app" ? addInstance(plan, hooksOf(plan)) : addPlain(plan, hooksOf(plan));
    services.set(plan.name, managed);
    return managed;
  }

  function addInstance(plan: Extract<ServicePlan, { kind: "app" }>, hooks: ServiceHooks): Managed {
    const { app, instance, name } = plan;
    const managed = createAppInstance(
      plan,
      {
        keeper,
        command: [
          process.execPath,
          options.arbiter,
          ...["--control", paths.control],
          ...["--run", paths.run],
          ...["--app", app.name],
          ...["--instance", String(instance)],
        ],
        env,
        planToRun: () => {
          const newest = managed.plan.kind === "app" ? managed.plan.app : app;
          return completePlan(newest, env, redisUrl(stack.config.redis, paths.run));
        },
        release: () => stack.nextRelease ?? stack.release(),
        onView(view, before) {
          if (view.state !== before?.state) announce(name, view.state, view.error);
          changed();
        },
      },
      hooks,
    );
    return managed;
  }

  function addPlain(plan: Exclude<ServicePlan, { kind: "app" }>, hooks: ServiceHooks): Managed {
    return createPlainService(
      plan,
      {
        keeper,
        redisSocket: redisSocket(paths),
        lastExit: (name) => lastExitOf(exits, name),
        request: (newest) => ({
          name: newest.name,
          ...(newest.kind === "redis"
            ? { command: redisCommand(newest.server, paths), cwd: paths.state, env }
            : {
                command: newest.program.command,
                cwd: newest.program.cwd,
                env: serviceEnvironment(
                  env,
                  redisUrl(stack.config.redis, paths.run),
                  newest.program.env,
                ),
              }),
          listeners: [],
          copies: 0,
          tag: { kind: newest.kind },
        }),
      },
      hooks,
    );
  }

  function hooksOf(plan: ServicePlan): ServiceHooks {
    return {
      onState(state, before) {
        describeChange(plan, state, before);
        startWaiting();
        changed();
      },
      onExit: (exit) => recordExit(plan.name, exit),
      onRestart: () => countRestart(plan.name),
    };
  }

  function describeChange(plan: ServicePlan, state: ProcessState, before: ProcessState): void {
    if (state.name === "running" && before.name !== "running" && plan.kind !== "app") {
      stack.note("info", plan.name, "ready");
    }
    if (state.name === "failed") {
      stack.note("error", plan.name, `gave up after ${state.failures} failures in a row`);
    }
    if (state.name === "stopped") stack.note("info", plan.name, "stopped");
  }

  function announce(name: string, state: string, error: ErrorReport | null): void {
    const level = state === "crashed" ? "error" : state === "degraded" ? "warn" : "info";
    stack.note(level, name, error === null ? state : `${state}: ${error.title}`);
  }

  function recordExit(name: string, exit: LastExit): void {
    exits = addExit(exits, name, exit);
    const calm = exit.code === 0 || !/^(?:exit|killed|cannot)/.test(exit.reason);
    stack.note(calm ? "info" : "warn", name, exit.reason);
    remember();
  }

  function countRestart(name: string): void {
    restarts.set(name, (restarts.get(name) ?? 0) + 1);
    remember();
  }

  function startWaiting(): void {
    if (stack.phase === "stopping") return;
    const hasRedis = services.has("redis");
    for (const managed of services.values()) {
      if (managed.service.state().name !== "stopped" || stack.isStopped(managed.plan)) continue;
      if (stack.held.has(managed.plan.name)) continue;
      if (dependenciesOf(managed.plan, hasRedis).every(isUp)) {
        managed.service.dispatch({ type: "start" });
      }
    }
  }

  function isUp(name: string): boolean {
    const all = [...services.values()];
    const needed = findServices(
      all.map((one) => one.plan),
      name,
    );
    return needed === undefined || needed.every((plan) => services.get(plan.name)?.isReady());
  }

  function changed(): void {
    waiters.review();
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
        releases: stack.releases,
        edgeGeneration: edges.generation(),
        edge: edges.current()?.name ?? null,
        restarts: Object.fromEntries(restarts),
        exits,
        events,
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

function isStoppedBy(overrides: Overrides, plan: ServicePlan): boolean {
  return overrides.stopped.includes(plan.name);
}

/** Every worker of an instance, where one is enough for those that depend on it. */
export function isFullyReady(managed: Managed): boolean {
  return managed.instance === null ? managed.isReady() : managed.state() === "ready";
}
