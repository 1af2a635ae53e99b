/**
 * The generations of the edge: one serves, an older one may be draining beside it, a newer one may
 * be coming up. Each start is a generation of its own, on the same sockets.
 */
import { type ErrorReport, errorFromReport } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import type {
  ChildExit,
  ChildRecord,
  EdgeToStackd,
  Hello,
  LastExit,
  LinePeer,
  ListenerRecord,
  ServiceState,
  StackdToEdge,
} from "@stack/control";
import { createLifecycle, serviceStateOf } from "@stack/process";
import { edgePolicy } from "../../core/policies.ts";
import { advance, type MetricsWindow } from "../../core/rates.ts";
import { crashLoop, notReadyInTime } from "../../errors.ts";
import type { KeeperLink } from "./keeper-link.ts";
import { lastExitOf } from "./service.ts";

export type EdgePeer = LinePeer<EdgeToStackd, StackdToEdge>;
export type EdgeHello = Extract<Hello, { role: "edge" }>;

/** What a new edge is started with; changes only between generations. */
export interface EdgeSetup {
  readonly listeners: readonly ListenerRecord[];
  readonly threads: number;
}

export interface EdgesContext {
  readonly keeper: KeeperLink;
  readonly command: (generation: number, setup: EdgeSetup) => readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly setup: () => EdgeSetup;
  readonly plan: () => EdgePlan;
  readonly drainMs: () => number;
  /** Something `status` shows has changed. */
  readonly onChange: () => void;
  readonly onExit: (exit: LastExit) => void;
  readonly onRestart: () => void;
  readonly onDegraded: (reason: string) => void;
  /** Another generation serves, or was started: what has to be remembered. */
  readonly onCurrent: () => void;
}

export interface EdgeView {
  readonly name: string;
  readonly generation: number;
  readonly child: ChildRecord | null;
  readonly draining: boolean;
}

export interface Edges {
  readonly start: () => void;
  /** What a predecessor of this stackd left running. */
  readonly adopt: (children: readonly ChildRecord[], current: string | null) => void;
  readonly attach: (peer: EdgePeer, hello: EdgeHello) => void;
  readonly exited: (exit: ChildExit) => boolean;
  /** Gives the serving edge the plan. Throws what the edge says against it. */
  readonly configure: () => Promise<void>;
  /** A new generation, and the old drains; on an error, which is thrown, the old one stays. */
  readonly replace: () => Promise<void>;
  /** Without waiting for the end. */
  readonly drainAll: () => void;
  /** Drains all; resolves when none is left. */
  readonly stop: (now: boolean) => Promise<void>;
  readonly state: () => ServiceState;
  readonly error: () => ErrorReport | null;
  readonly current: () => EdgeView | null;
  readonly all: () => readonly EdgeView[];
  readonly windows: () => readonly MetricsWindow[];
  readonly generation: () => number;
}

interface Edge {
  readonly name: string;
  readonly generation: number;
  child: ChildRecord | null;
  peer: EdgePeer | null;
  draining: boolean;
  window: MetricsWindow | null;
  /** Waits for the answer to the last `configure`. */
  answer: PromiseWithResolvers<void> | null;
}

const readyMs = 20_000;
/** An edge that never served and failed this often will not do so by itself. */
const hopelessFailures = 5;
/** Beyond the drain's own deadline, before it is killed. */
const drainMarginMs = 3_000;

export function createEdges(context: EdgesContext, firstGeneration: number): Edges {
  const { keeper } = context;
  const edges = new Map<string, Edge>();
  let generation = firstGeneration;
  let current: Edge | null = null;
  let error: ErrorReport | null = null;
  let hasServed = false;
  let last: LastExit | null = null;
  let empty: PromiseWithResolvers<void> | null = null;

  const lifecycle = createLifecycle(edgePolicy, {
    spawn() {
      current = create();
      context.onCurrent();
      void spawn(current);
    },
    signal(signal) {
      if (current === null) return;
      if (signal === "SIGTERM") drain(current);
      else kill(current, signal);
    },
    changed(state, before) {
      if (state.name === "starting" && (before.name === "backoff" || before.name === "failed")) {
        context.onRestart();
      }
      context.onChange();
    },
  });

  function create(): Edge {
    generation += 1;
    const edge: Edge = {
      name: `edge@${generation}`,
      generation,
      child: null,
      peer: null,
      draining: false,
      window: null,
      answer: null,
    };
    edges.set(edge.name, edge);
    return edge;
  }

  async function spawn(edge: Edge): Promise<void> {
    const setup = context.setup();
    try {
      edge.child = await keeper.spawn({
        name: edge.name,
        command: context.command(edge.generation, setup),
        cwd: context.cwd,
        env: context.env,
        listeners: setup.listeners.map((listener) => listener.name),
        copies: setup.threads,
        log: "edge",
        tag: { kind: "edge", generation: edge.generation },
      });
      context.onChange();
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EKEEPER") return;
      const reason = `cannot be started: ${(cause as Error).message}`;
      bury(edge, { code: null, signal: null, at: new Date().toISOString(), reason });
    }
  }

  function configure(edge: Edge): Promise<void> {
    const answer = Promise.withResolvers<void>();
    edge.answer?.resolve(); // superseded: the newer plan is the one that counts
    edge.answer = answer;
    const timer = setTimeout(
      () => answer.reject(notReadyInTime({ name: "edge", seconds: readyMs / 1000 })),
      readyMs,
    );
    edge.peer?.send({ type: "configure", plan: context.plan() });
    return answer.promise.finally(() => clearTimeout(timer));
  }

  function receive(edge: Edge, message: EdgeToStackd): void {
    switch (message.type) {
      case "edge-ready":
        if (!edge.draining) keeper.edgeReady(edge.name, true);
        edge.answer?.resolve();
        edge.answer = null;
        if (edge === current) {
          error = null;
          hasServed = true;
          lifecycle.dispatch({ type: "ready" });
        }
        context.onChange();
        return;
      case "edge-failed":
        edge.answer?.reject(errorFromReport(message.error));
        edge.answer = null;
        if (edge === current && lifecycle.state().name === "starting") {
          error = message.error;
          kill(edge, "SIGKILL"); // it cannot serve: the back-off tries again
        }
        context.onChange();
        return;
      case "edge-degraded":
        if (edge === current) context.onDegraded(message.reason);
        return;
      case "edge-metrics":
        edge.window = advance(edge.window, message.metrics, performance.now());
        return;
    }
  }

  function drain(edge: Edge): void {
    if (edge.draining) return;
    edge.draining = true;
    keeper.edgeReady(edge.name, false);
    const deadlineMs = context.drainMs();
    if (edge.peer === null)
      kill(edge, "SIGTERM"); // it drains on that as well
    else edge.peer.send({ type: "drain", deadlineMs });
    setTimeout(() => kill(edge, "SIGKILL"), deadlineMs + drainMarginMs).unref();
    context.onChange();
  }

  function kill(edge: Edge, signal: NodeJS.Signals): void {
    if (!edges.has(edge.name)) return;
    keeper.signal(edge.name, signal).catch(() => {}); // the keeper is gone
  }

  function bury(edge: Edge, exit: LastExit): void {
    edges.delete(edge.name);
    edge.answer?.reject(new Error(`the edge ended: ${exit.reason}`));
    edge.answer = null;
    context.onExit(exit);
    last = exit;
    if (edge === current) {
      current = null;
      lifecycle.dispatch({ type: "exited", status: { code: exit.code, signal: exit.signal } });
    }
    if (edges.size === 0) empty?.resolve();
    context.onChange();
  }

  return {
    start: () => lifecycle.dispatch({ type: "start" }),
    adopt(children, currentName) {
      for (const child of children) {
        const { generation: number } = child.tag as { readonly generation: number };
        const edge: Edge = {
          name: child.name,
          generation: number,
          child,
          peer: null,
          draining: child.name !== currentName,
          window: null,
          answer: null,
        };
        edges.set(edge.name, edge);
        generation = Math.max(generation, number);
        if (child.name === currentName) current = edge;
        else setTimeout(() => kill(edge, "SIGKILL"), context.drainMs() + readyMs).unref();
      }
      if (current !== null) lifecycle.dispatch({ type: "adopt", ready: false });
    },
    attach(peer, hello) {
      const edge = [...edges.values()].find((known) => known.generation === hello.generation);
      if (edge === undefined) {
        peer.destroy();
        return;
      }
      edge.peer = peer;
      peer.onMessage = (message) => receive(edge, message);
      peer.onClose = () => {
        if (edge.peer === peer) edge.peer = null;
      };
      if (edge.draining) {
        peer.send({ type: "drain", deadlineMs: context.drainMs() });
        return;
      }
      if (hello.configured) {
        keeper.edgeReady(edge.name, true);
        if (edge === current) lifecycle.dispatch({ type: "ready" });
      }
      // One that serves gets the plan as well: its last stackd may have died in a change of it.
      if (edge.answer !== null) peer.send({ type: "configure", plan: context.plan() });
      else configure(edge).catch(() => {}); // what comes of it shows in the lifecycle
    },
    exited(exit) {
      const edge = edges.get(exit.name);
      if (edge === undefined) return false;
      bury(edge, lastExitOf(exit, edge.draining ? "drained" : null));
      return true;
    },
    async configure() {
      if (current === null || current.peer === null) return; // the next one gets the new plan
      await configure(current);
    },
    async replace() {
      const old = current;
      if (old === null || lifecycle.state().name !== "running") return; // the next one is new anyway
      const candidate = create();
      candidate.answer = Promise.withResolvers<void>();
      const ready = candidate.answer.promise;
      const timer = setTimeout(
        () => candidate.answer?.reject(notReadyInTime({ name: "edge", seconds: readyMs / 1000 })),
        readyMs,
      );
      try {
        await Promise.all([ready, spawn(candidate)]);
      } catch (cause) {
        kill(candidate, "SIGKILL");
        throw cause;
      } finally {
        clearTimeout(timer);
      }
      current = candidate;
      context.onCurrent();
      drain(old);
    },
    drainAll() {
      for (const edge of edges.values()) drain(edge);
    },
    async stop(now) {
      empty ??= Promise.withResolvers<void>();
      if (now) for (const edge of edges.values()) kill(edge, "SIGKILL");
      else for (const edge of edges.values()) if (edge !== current) drain(edge);
      lifecycle.dispatch({ type: now ? "kill" : "stop" });
      if (edges.size > 0) await empty.promise;
    },
    state: () => serviceStateOf(lifecycle.state()),
    error() {
      const state = lifecycle.state();
      const failures = "failures" in state ? state.failures : 0;
      if (error !== null || hasServed || failures < hopelessFailures) return error;
      return crashLoop({
        name: "edge",
        times: failures,
        exit: last?.reason ?? "it cannot be started",
        lines: last?.stderr ?? [],
        place: undefined,
        retryMinutes: null,
      }).report;
    },
    current: () => current,
    all: () => [...edges.values()],
    windows: () => [...edges.values()].flatMap((edge) => edge.window ?? []),
    generation: () => generation,
  };
}
