/**
 * One generation of the edge: a process on inherited sockets that is configured, serves, drains and
 * ends. Which one is to serve is decided in `edges.ts`.
 */
import { type ErrorReport, errorFromReport } from "@stack/base";
import type { EdgePlan, UserPlan } from "@stack/config";
import type {
  CacheAnswer,
  CacheOrder,
  ChildExit,
  ChildRecord,
  EdgeToStackd,
  Hello,
  LastExit,
  LinePeer,
  ListenerRecord,
  Maintenance,
  RunningRequest,
  StackdToEdge,
} from "@stack/control";
import { setBatchPolicy } from "@stack/process";
import { homeOf, userOf } from "../../core/environment.ts";
import { advance, type MetricsWindow } from "../../core/rates.ts";
import { notReadyInTime } from "../../errors.ts";
import type { KeeperLink } from "./keeper-link.ts";
import { lastExitOf } from "./service.ts";

export type EdgePeer = LinePeer<EdgeToStackd, StackdToEdge>;
export type EdgeHello = Extract<Hello, { role: "edge" }>;

/** What a new edge is started with; changes only between generations. */
interface EdgeSetup {
  readonly listeners: readonly ListenerRecord[];
  readonly threads: number;
  /** Who it runs as; undefined: ourselves. */
  readonly user: UserPlan | undefined;
}

export interface EdgeContext {
  readonly keeper: KeeperLink;
  readonly command: (generation: number, setup: EdgeSetup) => readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly setup: () => EdgeSetup;
  readonly plan: () => EdgePlan;
  /** What files of a plan hold that it cannot read itself. */
  readonly files: (plan: EdgePlan) => Readonly<Record<string, string>>;
  readonly maintenance: () => Maintenance | null;
  readonly drainMs: () => number;
}

export interface EdgeHooks {
  /** It serves, with the plan it was given last. */
  readonly onReady: () => void;
  /** It cannot take the plan it was given. */
  readonly onFailed: (error: ErrorReport) => void;
  /** It serves, but should be replaced. */
  readonly onDegraded: (reason: string) => void;
  readonly onGone: (exit: LastExit) => void;
  readonly onChange: () => void;
}

export interface EdgeGeneration {
  readonly name: string;
  readonly generation: number;
  readonly child: () => ChildRecord | null;
  readonly draining: () => boolean;
  readonly window: () => MetricsWindow | null;
  readonly isConnected: () => boolean;
  readonly spawn: () => void;
  /** It connected, for the first time or to a new stackd. */
  readonly attach: (peer: EdgePeer, hello: EdgeHello) => void;
  /** Resolves when it serves with the newest plan; rejects with what it says against it. */
  readonly configure: () => Promise<void>;
  /** Tells one that drains what holds now for the apps it knows; the rest of its plan stays. */
  readonly renewApps: () => void;
  /** Files that it was given hold something else. */
  readonly giveFiles: (files: Readonly<Record<string, string>>) => void;
  /** For one that has no connection yet: resolves with its first readiness. */
  readonly firstReady: () => Promise<void>;
  /** Resolves when it does what `maintenance` says now; at once while it is not connected. */
  readonly maintain: () => Promise<void>;
  /** What the edge says of its cache; "none" while it is not connected. */
  readonly cache: (order: CacheOrder) => Promise<CacheAnswer>;
  /** What is under way there; nothing when it does not say so in time. */
  readonly requests: () => Promise<readonly RunningRequest[]>;
  /** @param handedOver another generation serves now: what lasts may last */
  readonly drain: (handedOver?: boolean) => void;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly exited: (exit: ChildExit) => void;
}

const readyMs = 20_000;
const maintainMs = 5_000;
const cacheMs = 5_000;
/** Its threads have a second to say it. */
const listMs = 2_000;
/** Beyond the drain's own deadline, before it is killed. */
const drainMarginMs = 3_000;

function edgeName(generation: number): string {
  return `edge@${generation}`;
}

/**
 * Files are read and answers compressed on one pool of threads per process: room for the encoders of
 * each serving thread, and some that only files wait for. It must be said before the process starts.
 */
function threadPoolSize(env: EdgeContext["env"], threads: number): string {
  const { UV_THREADPOOL_SIZE: written = String(4 + 4 * threads) } = env;
  return written;
}

/** @param found when it runs already, and whether it was draining when its last stackd died */
export function createEdgeGeneration(
  generation: number,
  context: EdgeContext,
  hooks: EdgeHooks,
  found?: { readonly child: ChildRecord; readonly draining: boolean },
): EdgeGeneration {
  const { keeper } = context;
  const name = edgeName(generation);
  let child: ChildRecord | null = found?.child ?? null;
  let draining = found?.draining ?? false;
  let peer: EdgePeer | null = null;
  let window: MetricsWindow | null = null;
  let isGone = false;
  let hasPolicy = false;
  /** Null for one that drained already when it was found. */
  let given: EdgePlan | null = null;
  /** Of the last `maintenance` it was told. */
  let serial = 0;
  let cacheOrder = 0;
  const cacheOrders = new Map<number, (answer: CacheAnswer) => void>();
  let maintained: PromiseWithResolvers<void> | null = null;
  /** Of the last plan it was given. */
  let answer: PromiseWithResolvers<void> | null = null;
  const listed = new Map<number, (found: readonly RunningRequest[]) => void>();
  let nextList = 1;

  async function spawn(): Promise<void> {
    const setup = context.setup();
    try {
      child = await keeper.spawn({
        name,
        command: context.command(generation, setup),
        cwd: context.cwd,
        env: {
          ...context.env,
          ...homeOf(setup.user),
          UV_THREADPOOL_SIZE: threadPoolSize(context.env, setup.threads),
        },
        ...userOf(setup.user),
        listeners: setup.listeners.map((listener) => listener.name),
        copies: setup.threads,
        log: "edge",
        tag: { kind: "edge", generation },
      });
      hooks.onChange();
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EKEEPER") return;
      const reason = `cannot be started: ${(cause as Error).message}`;
      bury({ code: null, signal: null, at: new Date().toISOString(), reason });
    }
  }

  /** A newer question replaces an older one: its plan is the one that counts. */
  function expectAnswer(): Promise<void> {
    const expected = Promise.withResolvers<void>();
    answer?.resolve();
    answer = expected;
    const timer = setTimeout(
      () => expected.reject(notReadyInTime({ name: "edge", seconds: readyMs / 1000 })),
      readyMs,
    );
    return expected.promise.finally(() => clearTimeout(timer));
  }

  function receive(message: EdgeToStackd): void {
    switch (message.type) {
      case "edge-ready":
        if (!draining) keeper.edgeReady(name, true);
        if (child !== null && !hasPolicy) {
          hasPolicy = true;
          void setBatchPolicy(child.pid);
        }
        answer?.resolve();
        answer = null;
        hooks.onReady();
        return;
      case "edge-failed":
        answer?.reject(errorFromReport(message.error));
        answer = null;
        hooks.onFailed(message.error);
        return;
      case "maintenance-set":
        if (message.serial === serial) maintained?.resolve();
        return;
      case "cache-answer":
        cacheOrders.get(message.id)?.(message.answer);
        return;
      case "requests":
        listed.get(message.id)?.(message.requests);
        return;
      case "edge-degraded":
        hooks.onDegraded(message.reason);
        return;
      case "edge-metrics":
        window = advance(window, message.metrics, performance.now());
        return;
    }
  }

  function give(plan: EdgePlan): void {
    given = plan;
    peer?.send({ type: "configure", plan, files: context.files(plan) });
  }

  function sendMaintenance(): void {
    serial += 1;
    peer?.send({ type: "maintenance", serial, maintenance: context.maintenance() });
  }

  /** A newer one stands for those before. */
  function expectMaintenance(): Promise<void> {
    const expected = Promise.withResolvers<void>();
    maintained?.resolve();
    maintained = expected;
    const timer = setTimeout(
      () => expected.reject(notReadyInTime({ name: "edge", seconds: maintainMs / 1000 })),
      maintainMs,
    );
    return expected.promise.finally(() => clearTimeout(timer));
  }

  function kill(signal: NodeJS.Signals): void {
    if (!isGone) keeper.signal(name, signal).catch(() => {}); // the keeper is gone
  }

  function bury(exit: LastExit): void {
    isGone = true;
    maintained?.resolve(); // its successor is told before it serves
    answer?.reject(new Error(`the edge ended: ${exit.reason}`));
    answer = null;
    hooks.onGone(exit);
  }

  return {
    name,
    generation,
    child: () => child,
    draining: () => draining,
    window: () => window,
    isConnected: () => peer !== null,
    spawn: () => void spawn(),
    attach(connected, hello) {
      peer = connected;
      connected.onMessage = receive;
      connected.onClose = () => {
        if (peer === connected) peer = null;
      };
      if (draining) {
        connected.send({ type: "drain", deadlineMs: context.drainMs(), handedOver: true });
        return;
      }
      // One that serves gets the plan as well: its last stackd may have died in a change of it.
      if (answer === null) expectAnswer().catch(() => {}); // the hooks tell what comes of it
      // Before the plan: no request may slip through.
      if (hello.configured || context.maintenance() !== null) sendMaintenance();
      give(context.plan());
      if (!hello.configured) return;
      keeper.edgeReady(name, true);
      hooks.onReady();
    },
    configure() {
      const answered = expectAnswer();
      give(context.plan());
      return answered;
    },
    renewApps() {
      if (given === null) return;
      const newest = context.plan().apps;
      const apps = Object.entries(given.apps).map(([app, old]) => [app, newest[app] ?? old]);
      give({ ...given, apps: Object.fromEntries(apps) });
    },
    giveFiles: (files) => peer?.send({ type: "files", files }),
    firstReady: expectAnswer,
    async maintain() {
      if (peer === null) return; // it is told when it connects
      const done = expectMaintenance();
      sendMaintenance();
      await done;
    },
    async cache(order) {
      if (peer === null) return { kind: "none" };
      cacheOrder += 1;
      const id = cacheOrder;
      const { promise, resolve, reject } = Promise.withResolvers<CacheAnswer>();
      const timer = setTimeout(
        () => reject(notReadyInTime({ name: "edge", seconds: cacheMs / 1000 })),
        cacheMs,
      );
      cacheOrders.set(id, resolve);
      peer.send({ type: "cache", id, order });
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        cacheOrders.delete(id);
      }
    },
    requests() {
      if (peer === null) return Promise.resolve([]);
      const id = nextList++;
      peer.send({ type: "list-requests", id });
      return new Promise((resolve) => {
        const settle = (found: readonly RunningRequest[]): void => {
          clearTimeout(late);
          listed.delete(id);
          resolve(found);
        };
        const late = setTimeout(settle, listMs, []);
        listed.set(id, settle);
      });
    },
    drain(handedOver = false) {
      if (draining) return;
      draining = true;
      keeper.edgeReady(name, false);
      const deadlineMs = context.drainMs();
      if (peer === null)
        kill("SIGTERM"); // it drains on that as well
      else peer.send({ type: "drain", deadlineMs, handedOver });
      setTimeout(kill, deadlineMs + drainMarginMs, "SIGKILL").unref();
      hooks.onChange();
    },
    kill,
    exited: (exit) => bury(lastExitOf(exit, draining ? "drained" : null)),
  };
}
