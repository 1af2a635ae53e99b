/** The apps and workers one thread knows, and the messages about them. */
import type { EdgePlan } from "@stack/config";
import { canaryName } from "@stack/control";
import { requestFacts } from "../../core/request-facts.ts";
import type { MainToThread, SharedApp, ThreadToMain, Wake } from "../../core/thread-messages.ts";
import type { WorkerHandle } from "../app/app-call.ts";
import { type AppScheduler, createAppScheduler } from "../app/app-scheduler.ts";
import { openHttpWorker } from "../app/http-worker.ts";
import { openWorkerLink } from "../app/worker-link.ts";
import type { Backend } from "../exchange.ts";
import type { ThreadContext } from "../thread/thread-context.ts";

export interface WorkerTable {
  /** The apps of a plan, before its backends are asked for. */
  readonly configure: (apps: readonly SharedApp[], plan: EdgePlan) => void;
  readonly backend: (app: string) => Backend | undefined;
  /** No worker could answer: it is stopped, or none is ready. */
  readonly isDown: (app: string) => boolean;
  /** Of the worker that came last; "" where none has. */
  readonly release: (app: string) => string;
  readonly onMessage: (message: Extract<MainToThread, { serial: number }>) => void;
  readonly onWake: (wake: Wake) => void;
  readonly check: (now: number) => void;
  /** Closes all links; nothing is in flight any more. */
  readonly close: () => void;
}

export interface WorkerTableOptions {
  readonly thread: ThreadContext;
  readonly readBuffer: Buffer;
  readonly send: (message: ThreadToMain) => void;
  readonly wake: (thread: number, app: number, passed: boolean) => void;
}

/** For workers that are known before the plan that names their app. */
const defaultSettings = { timeoutMs: 30_000, queueLimit: 1_000, queueTimeoutMs: 30_000 };

export function createWorkerTable(options: WorkerTableOptions): WorkerTable {
  const { thread, send } = options;
  const apps = new Map<number, AppScheduler>();
  const byName = new Map<string, AppScheduler>();
  const workers = new Map<number, { readonly handle: WorkerHandle; readonly app: AppScheduler }>();

  function schedulerOf(app: SharedApp): AppScheduler {
    const known = apps.get(app.id);
    if (known !== undefined) return known;
    const scheduler = createAppScheduler({
      name: app.name,
      thread,
      queue: new Int32Array(app.queue),
      metricsSlot: app.metricsSlot,
      settings: thread.active.plan.apps[app.name] ?? defaultSettings,
      wake: (target, passed) => options.wake(target, app.id, passed),
      onIdle: (worker) => send({ type: "worker-idle", serial: worker.serial }),
      onStuck: (worker, exchange) => {
        send({
          type: "worker-stuck",
          serial: worker.serial,
          request: requestFacts(exchange),
          ageMs: Math.round(performance.now() - exchange.startedAt),
        });
      },
      onClosed: forget,
    });
    apps.set(app.id, scheduler);
    byName.set(app.name, scheduler);
    return scheduler;
  }

  function forget(handle: WorkerHandle): void {
    const worker = workers.get(handle.serial);
    if (worker === undefined) return;
    workers.delete(handle.serial);
    worker.app.removeWorker(handle);
    send({ type: "worker-closed", serial: handle.serial });
  }

  function addWorker(message: Extract<MainToThread, { type: "worker-up" }>): void {
    const app = schedulerOf(message.app);
    const open = message.record.protocol === "http" ? openHttpWorker : openWorkerLink;
    const handle = open({
      serial: message.serial,
      record: message.record,
      slots: new Int32Array(message.slots),
      thread,
      buffer: options.readBuffer,
      observer: app,
      timeoutMs: () => app.settings.timeoutMs,
    });
    workers.set(message.serial, { handle, app });
    app.release = message.record.release ?? "";
    app.addWorker(handle);
    app.onWorkerFree(handle);
  }

  return {
    configure(shared, plan) {
      for (const app of shared) {
        const settings = plan.apps[app.name];
        if (settings !== undefined) schedulerOf(app).settings = settings;
      }
      for (const [name, settings] of Object.entries(plan.apps)) {
        const trial = byName.get(canaryName(name));
        if (trial === undefined) continue;
        trial.settings = settings;
        trial.succeedBy(settings.canary === undefined ? byName.get(name) : undefined);
      }
    },
    backend: (app) => byName.get(app),
    release: (app) => byName.get(app)?.release ?? "",
    isDown: (app) => byName.get(app)?.isDown() ?? true,
    onMessage(message) {
      if (message.type === "worker-up") {
        addWorker(message);
        return;
      }
      const handle = workers.get(message.serial)?.handle;
      if (message.type === "worker-drain") handle?.retire();
      else if (message.type === "worker-gone") handle?.drop(message.answer);
      else handle?.distrust();
    },
    onWake: (wake) => apps.get(wake.app)?.onWake(wake.passed),
    check(now) {
      for (const app of apps.values()) app.check(now);
    },
    close() {
      for (const { handle } of [...workers.values()]) handle.retire();
    },
  };
}
