/**
 * One instance of an app: at most one generation that serves, one that is being tried beside it, and
 * those that drain. Changes are made one after the other; a drain overtakes them all.
 */
import { type ErrorReport, type Logger, reportOf } from "@stack/base";
import type { AppPlan } from "@stack/config";
import type { InstanceState } from "@stack/control";
import { type BackoffPolicy, decideBackoff } from "@stack/process";
import type { LoadLook } from "../core/elasticity.ts";
import { decideInstanceState } from "../core/instance-state.ts";
import type { InstanceName } from "../core/names.ts";
import { comparePlans, workersPerInstance } from "../core/plan-change.ts";
import { stoppedMeanwhile } from "../errors.ts";
import { type CanaryLinks, createCanaryLinks } from "./canary-links.ts";
import type { EdgeLinks } from "./edge-links.ts";
import { startElasticWorkers } from "./elastic-workers.ts";
import { createGeneration, type Generation } from "./generation.ts";
import { createSlotLedger } from "./slot-ledger.ts";
import { sourceOf } from "./source-of.ts";
import type { LateRequest } from "./stuck-workers.ts";
import type { WorkersControl } from "./workers-control.ts";

export interface InstanceOptions {
  readonly name: InstanceName;
  readonly folder: string;
  readonly control: WorkersControl;
  readonly edges: EdgeLinks;
  /** The edges by the canary's name. */
  readonly openCanary: () => EdgeLinks;
  /** The sockets' folder is for who the app and the edge run as. */
  readonly giveFolderTo: (plan: AppPlan) => void;
  readonly nextSerial: () => number;
  readonly log: Logger;
  readonly changed: () => void;
}

export interface Instance {
  /** Null when it was done, else why it was not. */
  readonly configure: (plan: AppPlan, release: string) => Promise<ErrorReport | null>;
  readonly reload: (plan: AppPlan, release: string) => Promise<ErrorReport | null>;
  /** A new generation beside the one that serves, with a queue of its own at the edges. */
  readonly startCanary: (plan: AppPlan, release: string) => Promise<ErrorReport | null>;
  /** It takes the app's own requests as well. */
  readonly promoteCanary: () => Promise<ErrorReport | null>;
  /** One of the two goes. */
  readonly settleCanary: (keep: "new" | "old") => Promise<ErrorReport | null>;
  /** Resolves when no process of the app is left. */
  readonly drain: (deadlineMs?: number) => Promise<void>;
  readonly onStuck: (key: string, late: LateRequest) => void;
  readonly state: () => InstanceState;
  readonly configured: () => boolean;
}

interface Wanted {
  readonly plan: AppPlan;
  readonly release: string;
}

interface Canary {
  readonly generation: Generation;
  readonly wanted: Wanted;
  readonly links: CanaryLinks;
}

const retryBackoff: BackoffPolicy = { firstMs: 1_000, maxMs: 30_000 };
/**
 * A reload is done when the old generation is: then only the new one answers. Long requests are not
 * waited for: within this time every edge has stopped sending to the old.
 */
const handOverMs = 2_000;
/** For a drain before there is a plan that says. */
const defaultDrainMs = 30_000;
/** A generation that never served has nothing to finish. */
const discardMs = 1_000;

export function createInstance(options: InstanceOptions): Instance {
  const { name, log } = options;
  const ledger = createSlotLedger();
  const retiring = new Map<Generation, Promise<void>>();
  let wanted: Wanted | undefined;
  let current: Generation | undefined;
  let tried: Generation | undefined;
  let canary: Canary | undefined;
  let lastNumber = 0;
  let error: ErrorReport | null = null;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;
  let draining = false;
  let wasReady = false;
  let queue: Promise<unknown> = Promise.resolve();
  const elastic = startElasticWorkers({ plan: () => wanted?.plan, look, onChange: resize, log });

  function look(): LoadLook {
    const workers = current?.load() ?? [];
    const capacity = workers.reduce((sum, worker) => sum + worker.capacity, 0);
    const inFlight = workers.reduce((sum, { key }) => sum + options.edges.inFlightOf(key), 0);
    return {
      waitMs: options.edges.waitMs(),
      busyShare: capacity === 0 ? 0 : Math.min(1, inFlight / capacity),
      whole: wanted !== undefined && workers.length >= elastic.sized(wanted.plan).workers,
    };
  }

  /** After a change that is under way, if there is one; what it cannot start now it tries on. */
  function resize(): void {
    options.changed();
    enqueue(async () => {
      if (wanted === undefined || draining) return;
      await current?.scale(elastic.sized(wanted.plan));
    }).catch((failure: unknown) => {
      log.warn(`cannot change the number of workers: ${reportOf(failure).title}`);
    });
  }

  function enqueue<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = queue.then(change);
    queue = result.catch(() => {}); // each caller hears of its own
    return result;
  }

  function create(next: Wanted, held: boolean, edges: EdgeLinks): Generation {
    lastNumber += 1;
    const number = lastNumber;
    const { folder, control, nextSerial } = options;
    options.giveFolderTo(next.plan);
    const context = { name, generation: number, release: next.release, folder, control, log };
    const generation = createGeneration({
      ...next,
      plan: elastic.sized(next.plan),
      name,
      number,
      source: sourceOf(next.plan, context),
      edges,
      ledger,
      held,
      nextSerial,
      log,
      changed: options.changed,
    });
    generation.onLost = (reason) => onLost(generation, reason);
    return generation;
  }

  /** Tries a plan; the generation is served from when it is ready, else discarded. */
  async function tryGeneration(next: Wanted, held: boolean): Promise<void> {
    const generation = create(next, held, options.edges);
    tried = generation;
    options.changed();
    try {
      await generation.start();
    } catch (failure) {
      // With nothing else to serve, some workers are better than none.
      if (current !== undefined || generation.ready() === 0) {
        if (!draining) void retire(generation, "failed to start", discardMs);
      } else {
        current = generation;
      }
      throw failure;
    } finally {
      tried = undefined;
    }
    const before = current;
    current = generation;
    generation.open();
    if (before === undefined) return;
    const gone = retire(before, held ? "reload" : "its zygote ended");
    await settled(gone, handOverMs);
  }

  function retire(generation: Generation, reason: string, deadlineMs?: number): Promise<void> {
    const limit = deadlineMs ?? generation.plan().drainTimeoutMs;
    const done = generation.retire(reason, limit).finally(() => {
      retiring.delete(generation);
      options.changed();
    });
    retiring.set(generation, done);
    options.changed();
    return done;
  }

  /** Makes what is wanted the case where nothing serves, or what serves has lost its zygote. */
  async function startWanted(): Promise<void> {
    clearTimeout(retry);
    retry = undefined;
    if (wanted === undefined || draining) return;
    if (current !== undefined && !current.isLost()) return;
    try {
      await tryGeneration(wanted, false);
      failures = 0;
      error = null;
    } catch (failure) {
      failures += 1;
      error = reportOf(failure);
      if (!draining) {
        log.error(`${error.code} ${error.title}: ${error.facts?.join(" | ") ?? ""}`);
        if (current === undefined || current.isLost()) scheduleRetry();
      }
      throw failure;
    } finally {
      options.changed();
    }
  }

  function scheduleRetry(): void {
    const delayMs = decideBackoff(retryBackoff, failures, Math.random());
    retry = setTimeout(() => {
      enqueue(startWanted).catch(() => {}); // logged, and in the state
    }, delayMs);
  }

  function onLost(generation: Generation, reason: string): void {
    log.warn(
      `the zygote of generation ${generation.number} ended (${reason}); its workers serve on`,
    );
    if (generation === current && !draining) enqueue(startWanted).catch(() => {});
  }

  async function change(action: () => Promise<void>): Promise<ErrorReport | null> {
    try {
      await enqueue(async () => {
        if (draining) throw stoppedMeanwhile({ app: name.app });
        await action();
      });
      return null;
    } catch (failure) {
      return reportOf(failure);
    }
  }

  async function startCanary(next: Wanted): Promise<void> {
    await settleCanary("old");
    if (current === undefined || current.isLost()) throw stoppedMeanwhile({ app: name.app });
    const links = createCanaryLinks(options.edges, options.openCanary());
    const generation = create(next, false, links);
    canary = { generation, wanted: next, links };
    options.changed();
    try {
      await generation.start();
    } catch (failure) {
      discard(canary, "failed to start");
      canary = undefined;
      throw failure;
    }
    log.info(`generation ${generation.number} is on trial (${next.release})`);
  }

  async function settleCanary(keep: "new" | "old"): Promise<void> {
    if (canary === undefined) return;
    const { generation, wanted: next, links } = canary;
    const before = current;
    if (keep === "old" || before === undefined) {
      discard(canary, "canary taken back");
      canary = undefined;
      return;
    }
    canary = undefined;
    links.promote();
    links.settle();
    current = generation;
    wanted = next;
    error = null;
    await settled(retire(before, "reload"), handOverMs);
  }

  /** Its requests are finished; the edges know it until then. */
  function discard({ generation, links }: Canary, reason: string): void {
    void retire(generation, reason).then(links.settle);
  }

  async function replaceWith(next: Wanted): Promise<void> {
    await settleCanary("old");
    if (current === undefined || current.isLost()) {
      wanted = next;
      await startWanted();
      return;
    }
    try {
      await tryGeneration(next, true);
      wanted = next;
      error = null;
      failures = 0;
    } catch (failure) {
      const report = reportOf(failure);
      log.error(
        `${report.code} ${report.title}: the reload is discarded, the old generation serves on`,
      );
      for (const fact of report.facts ?? []) log.info(fact);
      throw failure;
    }
  }

  async function apply(next: Wanted): Promise<void> {
    if (current === undefined || current.isLost() || wanted === undefined) {
      wanted = next;
      await startWanted();
      return;
    }
    switch (comparePlans(wanted.plan, next.plan)) {
      case "nothing":
        current.retryNow();
        return;
      case "scale":
        wanted = { plan: next.plan, release: wanted.release };
        await current.scale(elastic.sized(next.plan));
        return;
      default:
        await replaceWith(next);
    }
  }

  function living(): readonly Generation[] {
    const all = new Set([current, canary?.generation, tried, ...retiring.keys()]);
    return [...all].filter((generation) => generation !== undefined);
  }

  return {
    configure: (plan, release) => change(() => apply({ plan, release })),
    reload: (plan, release) => change(() => replaceWith({ plan, release })),
    startCanary: (plan, release) => change(() => startCanary({ plan, release })),
    promoteCanary: () => change(async () => canary?.links.promote()),
    settleCanary: (keep) => change(() => settleCanary(keep)),
    async drain(deadlineMs) {
      draining = true;
      clearTimeout(retry);
      elastic[Symbol.dispose]();
      const limit = deadlineMs ?? wanted?.plan.drainTimeoutMs ?? defaultDrainMs;
      for (const generation of living()) void retire(generation, "stop", limit);
      await queue;
      await Promise.all(retiring.values());
      current = undefined;
    },
    onStuck(key, late) {
      for (const generation of living()) generation.onStuck(key, late);
    },
    configured: () => wanted !== undefined,
    state() {
      const serving = current ?? tried;
      const desired = wanted === undefined ? 0 : workersPerInstance(elastic.sized(wanted.plan));
      const ready = serving?.ready() ?? 0;
      const why = error ?? current?.error() ?? null;
      wasReady ||= desired > 0 && ready >= desired;
      return {
        state: decideInstanceState({
          draining,
          desired,
          ready,
          failing: why !== null || (current?.crashing() ?? false),
          wasReady,
        }),
        error: why,
        desired,
        generation: serving?.number ?? lastNumber,
        release: serving?.release ?? wanted?.release ?? "",
        workers: living().flatMap((generation) => generation.workers()),
        canary: canary === undefined ? null : describeCanary(canary),
      };
    },
  };
}

function describeCanary({ generation, wanted }: Canary): NonNullable<InstanceState["canary"]> {
  return {
    generation: generation.number,
    release: wanted.release,
    error: generation.error(),
  };
}

/** Waits for a promise that never rejects, but not longer than this. */
function settled(promise: Promise<void>, atMostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, atMostMs);
    void promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
