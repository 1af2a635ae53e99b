/**
 * `reload`: what the config file says now, with no request lost. Apps get a new generation instance
 * by instance; until the edge has taken the new plan every step can be taken back, and is when a
 * later one fails.
 */
import { reportOf, type StackError } from "@stack/base";
import { type AppPlan, type ConfigChanges, diffConfigs, type ResolvedConfig } from "@stack/config";
import type { ClientRequest } from "@stack/control";
import { carryOver } from "../../core/overrides.ts";
import { knownNames, planServices, type ServicePlan } from "../../core/services.ts";
import { edgeUserStays, mixedState, unknownService } from "../../errors.ts";
import type { AppInstance } from "./app-instance.ts";
import { bindListeners } from "./bind-listeners.ts";
import { completeApp } from "./build-service.ts";
import { tryCanary } from "./canary.ts";
import { removeService, restartService, untilReady } from "./changes.ts";
import { prepareEdge } from "./edge-places.ts";
import { loadConfig } from "./load-config.ts";
import type { Managed } from "./managed.ts";
import type { Stack } from "./stack.ts";

type Undo = () => Promise<void> | void;

interface Trial {
  readonly app: AppPlan;
  readonly instance: AppInstance;
}

interface Reload {
  readonly stack: Stack;
  readonly next: ResolvedConfig;
  readonly plans: readonly ServicePlan[];
  readonly changes: ConfigChanges;
  /** Whether an app is renewed though its part of the config is the same. */
  readonly isNamed: (plan: Extract<ServicePlan, { kind: "app" }>) => boolean;
  readonly names: readonly string[];
  /** Whether release commands are run for an app whose part of the config is the same. */
  readonly releases: boolean;
  /** Apps whose release commands are done. */
  readonly released: Set<string>;
  /** Instances whose new code is on trial first. */
  readonly trials: Trial[];
  readonly canary: number | undefined;
  readonly undo: Undo[];
}

type ReloadRequest = Omit<Extract<ClientRequest, { op: "reload" }>, "op">;

/** Throws what stopped it, with everything as before; E3301 when going back failed too. */
export async function reloadStack(stack: Stack, request: ReloadRequest): Promise<void> {
  const { options, paths, keeper } = stack.setup;
  const { names } = request;
  const next = request.only === "code" ? stack.config : await readConfig(stack);
  const overrides = carryOver(stack.overrides, stack.config, next);
  const plans = planServices(next, overrides);
  checkNames(stack, plans, names);
  checkEdgeUser(stack.config, next);
  const changes = diffConfigs(stack.config, next);
  const undo: Undo[] = [];
  const isNamed: Reload["isNamed"] = (plan) =>
    names.includes(plan.app.name) ||
    names.includes(plan.name) ||
    (names.length === 0 && request.only === undefined);
  const reload: Reload = {
    stack,
    next,
    plans,
    changes,
    isNamed,
    names,
    releases: request.only === undefined,
    released: new Set(),
    trials: [],
    canary: request.canary,
    undo,
  };

  const before = { ...stack };
  const oldListeners = stack.listeners;
  const listeners = await bindListeners(
    keeper,
    next,
    { port: options.port, freePorts: options.freePorts === true },
    paths,
    oldListeners,
  );
  const kept = new Set(listeners.map((listener) => listener.name));
  const isNew = listeners.filter(({ name }) => !oldListeners.some((old) => old.name === name));
  undo.push(async () => {
    for (const { name } of isNew) await keeper.unbind(name);
  });

  stack.nextRelease = `r${stack.releases + 1}`;
  try {
    await renewRedis(reload);
    await renewApps(reload);
    await promoteTrials(reload);
    await renewEdge(reload, { ...before, listeners: oldListeners }, { overrides, listeners });
  } catch (error) {
    stack.nextRelease = null;
    await takeBack(stack, undo, error as StackError);
    throw error;
  }
  stack.nextRelease = null;
  stack.releases += 1;
  stack.remember();
  stack.note("info", "stackd", `release ${stack.release()} serves`);
  await settleTrials(reload);
  await removeOld(reload);
  const gone = oldListeners.filter(({ name }) => !kept.has(name)).map(({ name }) => name);
  // The draining edge still has their descriptors: only the keeper's own are closed here.
  for (const name of gone) await keeper.unbind(name);
  await renewPrograms(reload);
}

async function readConfig(stack: Stack): Promise<ResolvedConfig> {
  const { options, paths, env } = stack.setup;
  try {
    const config = await loadConfig(options.config, paths.state, env);
    stack.failures.clear(null);
    return config;
  } catch (error) {
    throw failed(stack, null, error);
  }
}

function checkNames(stack: Stack, plans: readonly ServicePlan[], names: readonly string[]): void {
  const known = new Set([
    "edge",
    ...knownNames(plans),
    ...knownNames([...stack.services.values()].map((managed) => managed.plan)),
  ]);
  for (const name of names) {
    if (!known.has(name)) throw unknownService({ name, known: [...known] });
  }
}

/** The sockets of all workers are open to its group: they would have to change hands as well. */
function checkEdgeUser(before: ResolvedConfig, next: ResolvedConfig): void {
  const [old, user] = [before.edge.user, next.edge.user];
  if (old?.uid === user?.uid && old?.gid === user?.gid) return;
  throw edgeUserStays({ place: next.places["edge.user"] ?? next.places["edge"] });
}

async function renewRedis({ stack, plans, undo }: Reload): Promise<void> {
  const plan = plans.find((one) => one.kind === "redis");
  if (plan === undefined || stack.services.has(plan.name)) return;
  const managed = stack.add(plan);
  undo.push(() => removeService(stack, plan.name, "reload"));
  stack.startWaiting();
  await untilReady(stack, managed);
}

async function renewApps(reload: Reload): Promise<void> {
  for (const plan of reload.plans) {
    if (plan.kind !== "app") continue;
    await renewApp(reload, plan).catch((error: unknown) => {
      throw failed(reload.stack, plan.app.name, error);
    });
  }
}

/** A new instance comes up, an old one gets a new generation where its own is out of date. */
async function renewApp(
  reload: Reload,
  plan: Extract<ServicePlan, { kind: "app" }>,
): Promise<void> {
  const { stack, undo } = reload;
  const known = stack.services.get(plan.name);
  if (known !== undefined) {
    await renewInstance(reload, known, plan);
    return;
  }
  const added = stack.add(plan);
  undo.push(() => removeService(stack, plan.name, "reload"));
  stack.startWaiting();
  await untilReady(stack, added);
}

/** Notes it where operators look, and hands the error on. */
function failed(stack: Stack, app: string | null, error: unknown): unknown {
  const report = reportOf(error);
  stack.failures.set(app, report);
  stack.note("error", app ?? "stackd", `the reload failed, the old serves on: ${report.title}`);
  return error;
}

async function renewInstance(
  reload: Reload,
  managed: Managed,
  plan: Extract<ServicePlan, { kind: "app" }>,
): Promise<void> {
  const { stack, next, changes, isNamed, undo } = reload;
  const change = changes.apps[plan.app.name]?.kind ?? "same";
  const isDue = isNamed(plan) || change === "changed" || changes.redis === "changed";
  const before = managed.plan;
  if (!isDue && change === "same") return;
  managed.plan = plan;
  if (stack.isStopped(plan) || before.kind !== "app") return;

  const release = stack.nextRelease ?? stack.release();
  const oldRelease = managed.instance?.view()?.release ?? stack.release();
  const newest = completeApp(plan.app, next, stack.setup);
  const old = completeApp(before.app, stack.config, stack.setup);
  if (isDue && mustRelease(reload, newest.name)) {
    reload.released.add(newest.name);
    await stack.releaseCommands.run(newest, release);
  }
  if (managed.service.state().name !== "running") {
    // Nothing of it serves that could be kept: start it with the new plan.
    undo.push(() => {
      managed.plan = before;
    });
    managed.service.dispatch({ type: "start" });
    await untilReady(stack, managed);
    stack.failures.clear(plan.app.name);
    return;
  }
  stack.note("info", plan.name, isDue ? `reloading to ${release}` : "scaling");
  undo.push(() => {
    managed.plan = before;
  });
  if (isDue && reload.canary !== undefined && managed.instance !== null) {
    const { instance } = managed;
    await instance.startCanary(newest, release);
    undo.push(() => instance.settleCanary("old"));
    reload.trials.push({ app: newest, instance });
  } else if (isDue) {
    await managed.instance?.reload(newest, release);
    stack.failures.clear(plan.app.name);
    undo.push(async () => managed.instance?.reload(old, oldRelease));
  } else {
    await managed.instance?.configure(newest, oldRelease);
    undo.push(async () => managed.instance?.configure(old, oldRelease));
  }
}

/** New code that has got a share of the requests proves itself, and gets all of them. */
async function promoteTrials({ stack, trials, canary = 1, undo }: Reload): Promise<void> {
  if (trials.length === 0) return;
  const apps = new Map(trials.map(({ app }) => [app.name, app]));
  undo.push(() => endCanary(stack));
  await tryCanary(stack, [...apps.values()], canary, stack.nextRelease ?? stack.release());
  for (const { instance } of trials) await instance.promoteCanary();
  await endCanary(stack);
  for (const app of apps.keys()) stack.failures.clear(app);
}

async function endCanary(stack: Stack): Promise<void> {
  stack.canary = null;
  await stack.edges.configure();
}

/** The old goes. What fails here is a process that is gone: its successor starts with the new. */
async function settleTrials({ stack, trials }: Reload): Promise<void> {
  for (const { app, instance } of trials) {
    await instance.settleCanary("new").catch((error: Error) => {
      stack.note("warn", app.name, `the old code may still be there: ${error.message}`);
    });
  }
}

function mustRelease({ stack, changes, releases, released }: Reload, app: string): boolean {
  if (released.has(app)) return false;
  const isChanged = changes.apps[app]?.kind === "changed";
  return releases || isChanged || stack.releaseCommands.phase(app) === "failed";
}

async function renewEdge(
  { stack, next, changes, names, undo }: Reload,
  before: Pick<Stack, "config" | "overrides" | "listeners">,
  after: Pick<Stack, "overrides" | "listeners">,
): Promise<void> {
  stack.config = next;
  stack.overrides = after.overrides;
  stack.listeners = after.listeners;
  prepareEdge(next, stack.setup.paths);
  undo.push(() => {
    stack.config = before.config;
    stack.overrides = before.overrides;
    stack.listeners = before.listeners;
  });
  if (changes.edge === "listeners") {
    await stack.edges.replace();
    return;
  }
  if (changes.edge === "same" && !names.includes("edge")) return;
  try {
    await stack.edges.configure();
  } catch (error) {
    stack.config = before.config;
    await stack.edges.configure();
    throw error;
  }
}

/** What the new config no longer has. */
async function removeOld({ stack, plans }: Reload): Promise<void> {
  const wanted = new Set(plans.map((plan) => plan.name));
  const old = [...stack.services.values()].filter(({ plan }) => !wanted.has(plan.name));
  const order = [...old].sort((a, b) => rank(a.plan) - rank(b.plan));
  for (const { plan } of order) await removeService(stack, plan.name, "reload");
}

/** Redis goes last: others may speak to it until their end. */
function rank(plan: ServicePlan): number {
  return plan.kind === "redis" ? 1 : 0;
}

async function renewPrograms({ stack, plans, changes, names }: Reload): Promise<void> {
  for (const plan of plans) {
    if (plan.kind === "app") continue;
    const managed = stack.services.get(plan.name) ?? stack.add(plan);
    const isNew = managed.plan === plan;
    managed.plan = plan;
    if (isNew) stack.startWaiting();
    else if (isDue(plan, changes, names) && !stack.isStopped(plan)) {
      await restartService(stack, managed, "reload");
    }
  }
}

function isDue(plan: ServicePlan, changes: ConfigChanges, names: readonly string[]): boolean {
  if (names.includes(plan.name) || changes.redis === "changed") return true;
  return plan.kind === "program" && changes.programs[plan.name] === "changed";
}

/** Undoes in reverse. Throws E3301 when that fails: two releases may be running. */
async function takeBack(stack: Stack, undo: readonly Undo[], reason: Error): Promise<void> {
  try {
    for (const act of [...undo].reverse()) await act();
  } catch (error) {
    const back = (error as Error).message;
    throw mixedState({ app: stack.config.name, reason: reason.message, back }, error);
  }
}
