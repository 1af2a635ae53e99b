/**
 * The generations of the edge: one serves, older ones may be draining beside it, a newer one may be
 * coming up. Each start is a generation of its own, on the same sockets.
 */
import type { ErrorReport } from "@stack/base";
import type {
  CacheAnswer,
  CacheOrder,
  ChildExit,
  ChildRecord,
  LastExit,
  ServiceState,
} from "@stack/control";
import { createLifecycle, serviceStateOf } from "@stack/process";
import { edgePolicy } from "../../core/policies.ts";
import type { MetricsWindow } from "../../core/rates.ts";
import { crashLoop } from "../../errors.ts";
import {
  createEdgeGeneration,
  type EdgeContext,
  type EdgeGeneration,
  type EdgeHello,
  type EdgeHooks,
  type EdgePeer,
} from "./edge-generation.ts";

export interface EdgesContext extends EdgeContext {
  /** Something `status` shows has changed. */
  readonly onChange: () => void;
  /** Another generation serves, or was started: what has to be remembered. */
  readonly onCurrent: () => void;
  readonly onExit: (exit: LastExit) => void;
  readonly onRestart: () => void;
  readonly onDegraded: (reason: string) => void;
}

export interface Edges {
  readonly start: () => void;
  /** What a predecessor of this stackd left running. */
  readonly adopt: (children: readonly ChildRecord[], current: string | null) => void;
  readonly attach: (peer: EdgePeer, hello: EdgeHello) => void;
  readonly exited: (exit: ChildExit) => boolean;
  /** Gives the serving edge the plan. Throws what the edge says against it. */
  readonly configure: () => Promise<void>;
  /** The same, and those that drain hear what holds now for the apps they know. */
  readonly renewApps: () => Promise<void>;
  /** Of the serving edge; a purge is told to every one that lives. */
  readonly cache: (order: CacheOrder) => Promise<CacheAnswer>;
  /** Tells every edge that is connected what `maintenance` says now; waits for the serving one. */
  readonly maintain: () => Promise<void>;
  /** A new generation, and the old drains; on an error, which is thrown, the old one stays. */
  readonly replace: () => Promise<void>;
  /** Without waiting for the end. */
  readonly drainAll: () => void;
  /** Drains all; resolves when none is left. */
  readonly stop: (now: boolean) => Promise<void>;
  readonly state: () => ServiceState;
  /** Why no edge serves; null while there is hope. */
  readonly error: () => ErrorReport | null;
  readonly current: () => EdgeGeneration | null;
  readonly all: () => readonly EdgeGeneration[];
  readonly windows: () => readonly MetricsWindow[];
  /** The last number given out. */
  readonly generation: () => number;
}

/** An edge that never served and failed this often will not do so by itself. */
const hopelessFailures = 5;
/** For one that drains for a stackd that is dead: until it has connected to the new one. */
const reconnectMs = 10_000;

export function createEdges(context: EdgesContext, firstGeneration: number): Edges {
  const edges = new Map<number, EdgeGeneration>();
  let generation = firstGeneration;
  let current: EdgeGeneration | null = null;
  let error: ErrorReport | null = null;
  let hasServed = false;
  let last: LastExit | null = null;
  let empty: PromiseWithResolvers<void> | null = null;

  const lifecycle = createLifecycle(edgePolicy, {
    spawn() {
      current = create();
      context.onCurrent();
      current.spawn();
    },
    signal(signal) {
      if (signal === "SIGTERM") current?.drain();
      else current?.kill(signal);
    },
    changed(state, before) {
      if (state.name === "starting" && (before.name === "backoff" || before.name === "failed")) {
        context.onRestart();
      }
      context.onChange();
    },
  });

  function create(found?: { readonly child: ChildRecord; readonly draining: boolean }) {
    const number = found === undefined ? generation + 1 : numberOf(found.child);
    generation = Math.max(generation, number);
    const edge: EdgeGeneration = createEdgeGeneration(number, context, hooksOf(number), found);
    edges.set(number, edge);
    return edge;
  }

  function hooksOf(number: number): EdgeHooks {
    const isCurrent = (): boolean => current?.generation === number;
    return {
      onReady() {
        if (isCurrent()) {
          error = null;
          hasServed = true;
          lifecycle.dispatch({ type: "ready" });
        }
        context.onChange();
      },
      onFailed(reason) {
        if (isCurrent() && lifecycle.state().name === "starting") {
          error = reason;
          current?.kill("SIGKILL"); // it cannot serve: the back-off tries again
        }
        context.onChange();
      },
      onDegraded(reason) {
        if (isCurrent()) context.onDegraded(reason);
      },
      onGone(exit) {
        edges.delete(number);
        context.onExit(exit);
        last = exit;
        if (isCurrent()) {
          current = null;
          lifecycle.dispatch({ type: "exited", status: exit });
        }
        if (edges.size === 0) empty?.resolve();
        context.onChange();
      },
      onChange: context.onChange,
    };
  }

  return {
    start: () => lifecycle.dispatch({ type: "start" }),
    adopt(children, currentName) {
      for (const child of children) {
        const draining = child.name !== currentName;
        const edge = create({ child, draining });
        if (!draining) current = edge;
        else setTimeout(edge.kill, context.drainMs() + reconnectMs, "SIGKILL").unref();
      }
      if (current !== null) lifecycle.dispatch({ type: "adopt", ready: false });
    },
    attach(peer, hello) {
      const edge = edges.get(hello.generation);
      if (edge === undefined) peer.destroy();
      else edge.attach(peer, hello);
    },
    exited(exit) {
      const edge = [...edges.values()].find((known) => known.name === exit.name);
      edge?.exited(exit);
      return edge !== undefined;
    },
    async configure() {
      // One that is coming up gets the newest plan when it connects.
      if (current?.isConnected() === true) await current.configure();
    },
    async renewApps() {
      for (const edge of edges.values()) if (edge.draining()) edge.renewApps();
      if (current?.isConnected() === true) await current.configure();
    },
    async cache(order) {
      const asked = order.kind === "purge" ? [...edges.values()] : [];
      const others = asked.filter((edge) => edge !== current).map((edge) => edge.cache(order));
      // What drains is purged as well, and not waited for: it may be about to end.
      for (const answer of others) answer.catch(() => {});
      return (await current?.cache(order)) ?? { kind: "none" };
    },
    async maintain() {
      const told = [...edges.values()].map((edge) => [edge, edge.maintain()] as const);
      for (const [edge, done] of told) {
        if (edge === current) await done;
        else done.catch(() => {}); // it drains: what it still holds has a deadline
      }
    },
    async replace() {
      const old = current;
      if (old === null || lifecycle.state().name !== "running") return; // the next one is new anyway
      const candidate = create();
      try {
        const ready = candidate.firstReady();
        candidate.spawn();
        await ready;
      } catch (cause) {
        candidate.kill("SIGKILL");
        throw cause;
      }
      current = candidate;
      context.onCurrent();
      old.drain(true);
    },
    drainAll() {
      for (const edge of edges.values()) edge.drain();
    },
    async stop(now) {
      empty ??= Promise.withResolvers<void>();
      for (const edge of edges.values()) {
        if (now) edge.kill("SIGKILL");
        else if (edge !== current) edge.drain();
      }
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
    windows: () => [...edges.values()].flatMap((edge) => edge.window() ?? []),
    generation: () => generation,
  };
}

function numberOf(child: ChildRecord): number {
  return (child.tag as { readonly generation: number }).generation;
}
