/** The arbiter of one app instance, as stackd sees it: a service, and a connection to give plans. */
import { type ErrorReport, errorFromReport, type StackError } from "@stack/base";
import type { AppPlan } from "@stack/config";
import type {
  ArbiterSignal,
  ArbiterToStackd,
  Hello,
  InstanceState,
  LinePeer,
  StackdToArbiter,
} from "@stack/control";
import { serviceStateOf } from "@stack/process";
import { policyOf } from "../../core/policies.ts";
import type { ServicePlan } from "../../core/services.ts";
import { notReadyInTime } from "../../errors.ts";
import type { KeeperLink } from "./keeper-link.ts";
import type { Managed } from "./managed.ts";
import { createService, type ServiceHooks } from "./service.ts";

export type ArbiterPeer = LinePeer<ArbiterToStackd, StackdToArbiter>;
export type ArbiterHello = Extract<Hello, { role: "arbiter" }>;
type AppServicePlan = Extract<ServicePlan, { kind: "app" }>;

export interface AppInstance {
  readonly number: number;
  /** The last the arbiter said of itself; null while there is none. */
  readonly view: () => InstanceState | null;
  /** Its arbiter connected, for the first time or again. */
  readonly attach: (peer: ArbiterPeer, hello: ArbiterHello) => void;
  /** The same generation with another number of workers. Throws the arbiter's error. */
  readonly configure: (plan: AppPlan, release: string) => Promise<void>;
  /** A new generation; on an error, which is thrown, the old one stays. */
  readonly reload: (plan: AppPlan, release: string) => Promise<void>;
  /** A new generation on trial beside the old. */
  readonly startCanary: (plan: AppPlan, release: string) => Promise<void>;
  readonly promoteCanary: () => Promise<void>;
  readonly settleCanary: (keep: "new" | "old") => Promise<void>;
  /** Drain, then end; false when its arbiter is not connected. */
  readonly drain: () => boolean;
}

export interface InstanceContext {
  readonly keeper: KeeperLink;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** What a new arbiter gets; read each time. */
  readonly planToRun: () => AppPlan;
  readonly release: () => string;
  /** Of its release commands: it is not started before they are done. */
  readonly preparation: () => {
    readonly phase: "none" | "running" | "failed" | "done";
    readonly error: ErrorReport | null;
  };
  /** What of a trial that a stackd before has begun is to stay; null while one is under way. */
  readonly keepOfCanary: (release: string) => "new" | "old" | null;
  /** Somebody signalled its arbiter. */
  readonly onSignal: (signal: ArbiterSignal) => void;
  /** Its state, as the arbiter reported it, changed. */
  readonly onView: (view: InstanceState, before: InstanceState | null) => void;
}

/** What an arbiter may take beyond its app's own boot and drain deadlines. */
const marginMs = 15_000;

export function createAppInstance(
  plan: AppServicePlan,
  context: InstanceContext,
  hooks: ServiceHooks,
): Managed {
  let peer: ArbiterPeer | null = null;
  let view: InstanceState | null = null;
  let nextId = 1;
  let mayLag = false;
  const waiting = new Map<number, PromiseWithResolvers<void>>();

  const service = createService(
    context.keeper,
    {
      policy: policyOf(plan),
      request: () => ({
        name: plan.name,
        command: context.command,
        cwd: context.planToRun().cwd,
        env: context.env,
        listeners: [],
        copies: 0,
        tag: { kind: "app", app: plan.app.name, instance: plan.instance },
      }),
      askToStop: drain,
    },
    hooks,
  );

  function drain(): boolean {
    if (peer === null) return false;
    peer.send({ type: "drain", id: nextId++, deadlineMs: context.planToRun().drainTimeoutMs });
    return true;
  }

  function ask(message: (id: number) => StackdToArbiter, deadlineMs: number): Promise<void> {
    const id = nextId++;
    const answer = Promise.withResolvers<void>();
    if (peer === null) {
      answer.reject(new Error(`the arbiter of ${plan.name} is not connected`));
      return answer.promise;
    }
    waiting.set(id, answer);
    peer.send(message(id));
    const timer = setTimeout(
      () => settle(id, notReadyInTime({ name: plan.name, seconds: deadlineMs / 1000 })),
      deadlineMs,
    );
    return answer.promise.finally(() => clearTimeout(timer));
  }

  function settle(id: number, error: StackError | Error | null): void {
    const answer = waiting.get(id);
    waiting.delete(id);
    if (error === null) answer?.resolve();
    else answer?.reject(error);
  }

  function receive(message: ArbiterToStackd): void {
    if (message.type === "done") {
      settle(message.id, message.error === null ? null : errorFromReport(message.error));
      return;
    }
    if (message.type === "signalled") {
      context.onSignal(message.signal);
      return;
    }
    const before = view;
    view = message.state;
    const left = view.canary ?? null;
    const keep = left === null || !mayLag ? null : context.keepOfCanary(left.release);
    if (keep !== null) settleCanary(keep).catch(() => {}); // its state tells
    if (mayLag && keep !== "new" && view.release !== context.release()) {
      // Its last stackd died in a reload: what was remembered counts.
      reload(context.planToRun(), context.release()).catch(() => {}); // its state tells
    }
    mayLag = false;
    context.onView(view, before);
  }

  function configure(app: AppPlan, release: string): Promise<void> {
    return ask(
      (id) => ({ type: "configure", id, plan: app, release }),
      app.bootTimeoutMs + app.drainTimeoutMs + marginMs,
    );
  }

  function reload(app: AppPlan, release: string): Promise<void> {
    return ask(
      (id) => ({ type: "reload", id, plan: app, release }),
      app.bootTimeoutMs + app.drainTimeoutMs + marginMs,
    );
  }

  function settleCanary(keep: "new" | "old"): Promise<void> {
    return ask((id) => ({ type: "canary-settle", id, keep }), plan.app.drainTimeoutMs + marginMs);
  }

  const instance: AppInstance = {
    number: plan.instance,
    view: () => view,
    attach(connected, hello) {
      peer?.destroy();
      peer = connected;
      peer.onMessage = receive;
      peer.onClose = () => {
        if (peer !== connected) return;
        peer = null;
        for (const id of [...waiting.keys()]) settle(id, new Error(`${plan.name} is gone`));
      };
      mayLag = hello.configured;
      // A failed start is in the state it reports.
      if (!hello.configured) configure(context.planToRun(), context.release()).catch(() => {});
      service.dispatch({ type: "ready" });
    },
    configure,
    reload,
    startCanary: (app, release) =>
      ask(
        (id) => ({ type: "canary", id, plan: app, release }),
        app.bootTimeoutMs + app.drainTimeoutMs + marginMs,
      ),
    promoteCanary: () => ask((id) => ({ type: "canary-promote", id }), marginMs),
    settleCanary,
    drain,
  };

  const managed: Managed = {
    plan,
    service,
    instance,
    state: () => {
      const own = service.state();
      if (own.name === "stopped") {
        const { phase } = context.preparation();
        if (phase === "running") return "booting";
        if (phase === "failed") return "crashed";
      }
      return own.name === "running" ? (view?.state ?? "booting") : serviceStateOf(own);
    },
    isReady: () =>
      service.state().name === "running" && (view?.state === "ready" || view?.state === "degraded"),
    error: (): ErrorReport | null =>
      view?.state === "crashed" ? view.error : context.preparation().error,
    exited(exit) {
      const own = service.exited(exit);
      if (own) view = null;
      return own;
    },
  };
  return managed;
}
