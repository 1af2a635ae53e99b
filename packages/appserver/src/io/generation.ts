/**
 * One generation of an instance: the workers of one plan and release, from one source. It is tried
 * first, until all its workers are ready; then it serves, and keeps its slots filled, until it is
 * retired.
 */
import type { ErrorReport, Logger, StackError } from "@stack/base";
import { errorFromReport } from "@stack/base";
import type { AppPlan } from "@stack/config";
import type { InstanceWorker, WorkerRecord } from "@stack/control";
import { type InstanceName, workerId, workerKey } from "../core/names.ts";
import { workersPerInstance } from "../core/plan-change.ts";
import { stableMs } from "../core/restart.ts";
import { decideStuckMeasure } from "../core/stuck.ts";
import { stoppedMeanwhile } from "../errors.ts";
import { bootError, crashLoopError, zygoteLost } from "./boot-error.ts";
import type { EdgeLinks } from "./edge-links.ts";
import { watchLiveness } from "./liveness.ts";
import { startRecycling } from "./recycling.ts";
import { createSlot, type Slot } from "./slot.ts";
import type { SlotLedger } from "./slot-ledger.ts";
import { createStuckWorkers, type LateRequest } from "./stuck-workers.ts";
import { startWorker, type Worker, type WorkerOutcome } from "./worker.ts";
import type { WorkerSource } from "./worker-source.ts";

export interface GenerationOptions {
  readonly name: InstanceName;
  readonly number: number;
  readonly plan: AppPlan;
  readonly release: string;
  readonly source: WorkerSource;
  readonly edges: EdgeLinks;
  readonly ledger: SlotLedger;
  /** Ready workers are kept from the edges until `open`. */
  readonly held: boolean;
  readonly nextSerial: () => number;
  readonly log: Logger;
  readonly changed: () => void;
}

export interface Generation {
  readonly number: number;
  readonly plan: () => AppPlan;
  readonly release: string;
  /**
   * Resolves when every wanted worker is ready; rejects with a StackError. It goes on trying to
   * fill its slots in either case, until it is retired.
   */
  readonly start: () => Promise<void>;
  /** Tells the edges of the workers held back so far. */
  readonly open: () => void;
  /** Settles when the new workers are ready, or the surplus ones are gone. */
  readonly scale: (plan: AppPlan) => Promise<void>;
  /** Drains all workers, ends the source; resolves when nothing of it is left. */
  readonly retire: (reason: string, deadlineMs?: number) => Promise<void>;
  /** A request took too long: `core/stuck.ts` says what becomes of its worker. */
  readonly onStuck: (key: string, late: LateRequest) => void;
  readonly retryNow: () => void;
  /** Its source died: its workers serve on, but those that end are not replaced. */
  readonly isLost: () => boolean;
  onLost: (reason: string) => void;
  readonly workers: () => readonly InstanceWorker[];
  readonly ready: () => number;
  /** What each ready worker is called at the edges, and takes at once. */
  readonly load: () => readonly { readonly key: string; readonly capacity: number }[];
  readonly crashing: () => boolean;
  /** Why it is not whole, when that is known. */
  readonly error: () => ErrorReport | null;
}

/** After a successor that did not become ready: the worker it was to follow works on meanwhile. */
const renewPauseMs = 30_000;
/** Short lives of workers that end the trial of a generation. */
const trialFailures = 3;

export function createGeneration(options: GenerationOptions): Generation {
  const { name, source, edges, ledger, log } = options;
  const slots = new Map<number, Slot>();
  const leaving = new Set<Worker>();
  /** Successors that are not ready, each with why it follows the worker of its slot. */
  const coming = new Map<Worker, string>();
  /** They were replaced though nothing was wrong with them. */
  const renewed = new WeakSet<Worker>();
  let renewAgainAt = 0;
  const onStuck = createStuckWorkers({ log, succeed });
  const heldBack = new Map<string, WorkerRecord>();
  let plan = options.plan;
  let held = options.held;
  let lost = false;
  let retired: string | undefined;
  let failures = 0;
  let error: ErrorReport | null = null;
  let trial: PromiseWithResolvers<void> | undefined;

  function changed(): void {
    const whole = slots.size > 0 && countReady() >= slots.size;
    if (whole) error = null;
    if (whole) trial?.resolve();
    options.changed();
  }

  function countReady(): number {
    let count = 0;
    for (const slot of slots.values()) if (slot.worker()?.life().name === "ready") count += 1;
    return count;
  }

  function addSlots(wanted: number): void {
    for (let number = slots.size + 1; number <= wanted; number += 1) {
      const slot = createSlot({
        number,
        id: workerId(name, number),
        ledger,
        launch,
        onCrashLoop,
        changed,
      });
      slots.set(number, slot);
      slot.fill();
    }
  }

  function launch(slot: Slot): Worker {
    const serial = options.nextSerial();
    const key = workerKey(slot.id, options.number, serial);
    return startWorker({
      spec: { id: slot.id, key, slot: slot.number, serial },
      generation: options.number,
      source,
      health: plan.health,
      requestTimeoutMs: plan.timeoutMs,
      bootTimeoutMs: plan.bootTimeoutMs,
      drainTimeoutMs: plan.drainTimeoutMs,
      log,
      announce(announced) {
        const record = { ...announced, release: options.release };
        if (held) heldBack.set(record.key, record);
        else edges.announce(record);
        log.info(`${record.id} is ready (pid ${record.pid}, generation ${record.generation})`);
        takeOver(record.key);
      },
      askEdges: edges.drain,
      forget(lostKey, answer, told) {
        heldBack.delete(lostKey);
        edges.forget(lostKey, answer, told);
      },
      wantsReplacement: replace,
      changed,
      ended: onEnded,
    });
  }

  /** Its successor starts beside it; only when that is ready it drains. */
  function renew(worker: Worker, reason: string): void {
    const slot = slots.get(worker.spec.slot);
    if (slot?.worker() !== worker || lost || retired !== undefined) return;
    log.info(`${worker.spec.id}: ${reason}; its successor is started`);
    coming.set(launch(slot), reason);
    changed();
  }

  function takeOver(key: string): void {
    for (const [successor, reason] of coming) {
      if (successor.spec.key !== key) continue;
      coming.delete(successor);
      const before = slots.get(successor.spec.slot)?.adopt(successor);
      if (before === undefined) return;
      leaving.add(before);
      renewed.add(before);
      before.drain(reason);
    }
  }

  function replace(worker: Worker, reason: string): void {
    const slot = slots.get(worker.spec.slot);
    if (slot?.worker() === worker) {
      log.warn(`${worker.spec.id}: ${reason}; it is replaced`);
      // One that fails soon is not replaced at once: its slot waits longer each time.
      if (!lost && retired === undefined && worker.readyMs() >= stableMs) {
        leaving.add(worker);
        slot.replace();
      }
    }
    worker.drain(reason, { fault: true });
  }

  /** It serves well but for one thread: its successor starts while it finishes. */
  function succeed(worker: Worker): void {
    const slot = slots.get(worker.spec.slot);
    if (slot?.worker() !== worker || lost || retired !== undefined) return;
    leaving.add(worker);
    slot.replace();
  }

  function onEnded(worker: Worker, outcome: WorkerOutcome): void {
    const planned = retired !== undefined || outcome.reason === "scale down" || renewed.has(worker);
    if (coming.delete(worker)) renewAgainAt = performance.now() + renewPauseMs;
    ledger.record(worker.spec.slot, outcome, planned);
    leaving.delete(worker);
    const line = `${worker.spec.id} (pid ${worker.view().pid ?? "none"}) ended: ${outcome.reason}`;
    if (planned) log.info(line);
    else log.warn(line);
    const slot = slots.get(worker.spec.slot);
    if (slot?.worker() === worker) {
      if (!outcome.ordered) failTrial(outcome);
      if (lost || retired !== undefined) slot.empty();
      else slot.onEnded(worker, outcome);
    }
    changed();
  }

  /** While it is tried, an app that cannot be imported is final, other ends a few times over. */
  function failTrial(outcome: WorkerOutcome): void {
    if (trial === undefined) return;
    failures += 1;
    if (outcome.error !== null) giveUp(errorFromReport(outcome.error));
    else if (failures >= trialFailures)
      giveUp(crashLoopError(plan, plan.name, failures, 0, outcome));
  }

  function giveUp(reason: StackError): void {
    error = reason.report;
    trial?.reject(reason);
  }

  function onCrashLoop(slot: Slot, count: number, withinMs: number, outcome: WorkerOutcome): void {
    error = outcome.error ?? crashLoopError(plan, slot.id, count, withinMs, outcome).report;
    log.error(`${error.title}: ${outcome.reason}; it is tried again every 30s`);
  }

  /** Waits until all slots are ready, at most as long as the plan gives them. */
  async function untilReady(begin: () => void | Promise<void>): Promise<void> {
    const current = Promise.withResolvers<void>();
    trial = current;
    failures = 0;
    const timer = setTimeout(() => giveUp(bootError(plan, booting())), plan.bootTimeoutMs);
    try {
      // Whichever comes first: a source that hangs is given up too, by whoever retires us.
      const begun = Promise.resolve(begin());
      begun.then(changed, (reason: StackError) => giveUp(reason));
      await current.promise;
    } finally {
      clearTimeout(timer);
      trial = undefined;
    }
  }

  function booting(): readonly Worker[] {
    return filled().filter((worker) => worker.life().name === "booting");
  }

  const recycling =
    plan.recycle === undefined
      ? undefined
      : startRecycling({
          plan: plan.recycle,
          workers: readyWorkers,
          requestsOf: edges.requestsOf,
          isBusy: () => trial !== undefined || coming.size > 0 || performance.now() < renewAgainAt,
          renew,
          log,
        });

  const liveness = watchLiveness({
    workers: readyWorkers,
    requestTimeoutMs: plan.timeoutMs,
    onDead(worker, reason, answer) {
      log.warn(`${worker.spec.id} (pid ${worker.view().pid}): ${reason}; it is killed`);
      worker.kill(reason, answer);
    },
  });

  source.onLost = (reason) => {
    lost = true;
    for (const slot of slots.values()) if (slot.worker() === undefined) slot.empty();
    trial?.reject(zygoteLost(plan, reason));
    if (retired === undefined) generation.onLost(reason);
    changed();
  };

  const generation: Generation = {
    number: options.number,
    plan: () => plan,
    release: options.release,
    start: () =>
      untilReady(async () => {
        await source.start();
        if (retired === undefined) addSlots(workersPerInstance(plan));
      }),
    open() {
      held = false;
      for (const record of heldBack.values()) edges.announce(record);
      heldBack.clear();
    },
    async scale(next) {
      plan = next;
      const wanted = workersPerInstance(next);
      const surplus = [...slots.values()].filter((slot) => slot.number > wanted);
      const gone = surplus.map((slot) => {
        const worker = slot.empty();
        slots.delete(slot.number);
        if (worker !== undefined) leaving.add(worker);
        worker?.drain("scale down");
        return worker?.ended;
      });
      for (const successor of coming.keys()) {
        if (!slots.has(successor.spec.slot)) successor.drain("scale down");
      }
      options.changed();
      if (wanted > slots.size) await untilReady(() => addSlots(wanted));
      await Promise.all(gone);
    },
    async retire(reason, deadlineMs) {
      retired ??= reason;
      recycling?.[Symbol.dispose]();
      liveness[Symbol.dispose]();
      trial?.reject(stoppedMeanwhile({ app: plan.name }));
      for (const slot of slots.values()) {
        const worker = slot.empty();
        if (worker !== undefined) leaving.add(worker);
      }
      slots.clear();
      const workers = [...leaving, ...coming.keys()];
      for (const worker of workers) worker.drain(reason, { deadlineMs });
      const closed = source.close();
      await Promise.all(workers.map((worker) => worker.ended));
      await closed;
    },
    onStuck(key, late) {
      const worker = [...filled(), ...leaving].find(({ spec }) => spec.key === key);
      if (worker !== undefined) onStuck(worker, decideStuckMeasure(plan), late);
    },
    retryNow() {
      for (const slot of slots.values()) slot.retryNow();
    },
    isLost: () => lost,
    onLost: () => {},
    workers() {
      const now = [...slots.values()]
        .map((slot) => slot.view())
        .filter((view) => view !== undefined);
      const old = [...leaving, ...coming.keys()].map((worker) => ({
        ...worker.view(),
        ...ledger.of(worker.spec.slot),
      }));
      return [...now, ...old];
    },
    ready: countReady,
    load: () =>
      readyWorkers().map((worker) => ({
        key: worker.spec.key,
        capacity: worker.address()?.capacity ?? 1,
      })),
    crashing: () => [...slots.values()].some((slot) => slot.crashing()),
    error: () => error,
  };

  function readyWorkers(): readonly Worker[] {
    return filled().filter((worker) => worker.life().name === "ready");
  }

  function filled(): readonly Worker[] {
    return [...slots.values()]
      .map((slot) => slot.worker())
      .filter((worker) => worker !== undefined);
  }

  return generation;
}
