/** The clock and the hands of `core/worker-life.ts`, and what is known of the worker for `status`. */
import { assertNever, type ErrorReport, formatDuration, type Logger } from "@stack/base";
import type { GoneAnswer, InstanceWorker, WorkerRecord } from "@stack/control";
import { describeExit, type ExitStatus } from "@stack/process";
import { describeHealth, type HealthAnswer } from "../core/health-tally.ts";
import {
  stepWorker,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerLife,
} from "../core/worker-life.ts";
import { watchHealth } from "./health-watch.ts";
import type { LaunchedWorker, LaunchSpec, WorkerAddress, WorkerSource } from "./worker-source.ts";

export interface WorkerOptions {
  readonly spec: LaunchSpec;
  readonly generation: number;
  readonly source: WorkerSource;
  readonly health: string | null;
  readonly requestTimeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly log: Logger;
  /** It can take requests; whether edges are told at once is the generation's to decide. */
  readonly announce: (record: WorkerRecord) => void;
  readonly askEdges: (key: string, drained: () => void) => void;
  /** See `EdgeLinks`. */
  readonly forget: (key: string, answer?: GoneAnswer, told?: () => void) => void;
  /** It should be replaced, and drained once that is under way. */
  readonly wantsReplacement: (worker: Worker, reason: string) => void;
  readonly changed: () => void;
  readonly ended: (worker: Worker, end: WorkerOutcome) => void;
}

export interface WorkerOutcome extends ExitStatus {
  /** In words, as `status` shows it. */
  readonly reason: string;
  readonly readyMs: number;
  readonly ordered: boolean;
  readonly error: ErrorReport | null;
}

interface DrainOptions {
  /** The app's drain timeout unless said otherwise. */
  readonly deadlineMs?: number | undefined;
  /** It brought it on itself: counts as a failure if it comes too often. */
  readonly fault?: boolean;
}

export interface Worker {
  readonly spec: LaunchSpec;
  readonly life: () => WorkerLife;
  readonly view: () => Pick<InstanceWorker, "id" | "key" | "pid" | "generation" | "startedAt"> & {
    readonly state: "booting" | "ready" | "draining" | "stopped";
  };
  /** It said that it listens; what is missing is a good health check. */
  readonly listening: () => boolean;
  readonly address: () => WorkerAddress | undefined;
  /** How long it has been ready; 0 when it never was. */
  readonly readyMs: () => number;
  /** What its last failed health check said. */
  readonly lastHealth: () => HealthAnswer | undefined;
  /** Asks whether its loop turns. */
  readonly ping: () => void;
  /** The same, with the answer: false when there is none in time. */
  readonly turns: (deadlineMs: number) => Promise<boolean>;
  /** Whether it has answered since the last `ping`; undefined where it cannot be asked. */
  readonly answered: () => boolean | undefined;
  /** See `LaunchedWorker`. */
  readonly readStacks: (spared: boolean) => Promise<readonly string[]>;
  readonly drain: (reason: string, options?: DrainOptions) => void;
  /** @param answer for what it is doing, told before it dies; without, that is tried elsewhere */
  readonly kill: (reason: string, answer?: GoneAnswer) => void;
  readonly ended: Promise<void>;
}

/** A generation that is being tried says first, and better, why it was not ready in time. */
const bootMarginMs = 500;
/** How long edges may take to answer for a worker that is to be killed. */
const answerMs = 500;
/** Between SIGTERM and SIGKILL, and between two SIGKILLs. */
const termMs = 2_000;
/** The same where no time at all was given to drain. */
const shortTermMs = 200;

export function startWorker(options: WorkerOptions): Worker {
  const { spec } = options;
  const startedAt = new Date().toISOString();
  const ended = Promise.withResolvers<void>();
  let life: WorkerLife = { name: "booting" };
  let pid: number | null = null;
  let address: WorkerAddress | undefined;
  let health: Disposable | undefined;
  let lastHealth: HealthAnswer | undefined;
  let timer: NodeJS.Timeout | undefined;
  const bootTimer = setTimeout(giveUpBoot, options.bootTimeoutMs + bootMarginMs);
  let readyAt: number | undefined;
  let ordered: string | undefined;
  let faulty = false;
  let error: ErrorReport | null = null;
  let answered = true;
  const awaitPong = new Set<() => void>();
  let drainEndsAt = 0;
  let afterTermMs = termMs;

  function dispatch(event: WorkerEvent): void {
    const before = life;
    const next = stepWorker(life, event);
    life = next.life;
    if (life.name !== "booting") clearTimeout(bootTimer);
    if (life.name !== "booting" && life.name !== "ready") health?.[Symbol.dispose]();
    if (life.name === "ready" && before.name === "booting") readyAt = performance.now();
    for (const effect of next.effects) perform(effect);
    if (life !== before) options.changed();
  }

  function perform(effect: WorkerEffect): void {
    switch (effect.type) {
      case "announce":
        if (address === undefined || pid === null) return;
        options.announce({
          key: spec.key,
          id: spec.id,
          pid,
          generation: options.generation,
          ...address,
        });
        return;
      case "ask-edges":
        launched.part?.();
        options.askEdges(spec.key, () => dispatch({ type: "edges-drained" }));
        return;
      case "forget":
        options.forget(spec.key);
        return;
      case "ask-worker":
        launched.drain(remainingMs());
        return;
      case "signal":
        launched.signal(effect.signal);
        return;
      case "arm":
        arm(effect.time === "drain" ? remainingMs() : afterTermMs);
        return;
      case "disarm":
        clearTimeout(timer);
        return;
      default:
        assertNever(effect);
    }
  }

  function arm(afterMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(dispatch, afterMs, { type: "elapsed" });
  }

  function remainingMs(): number {
    return Math.max(0, Math.round(drainEndsAt - performance.now()));
  }

  /** Told to go sooner than it was told before. */
  function shortenDrain(): void {
    if (life.name === "draining" && (life.stage === "edges" || life.stage === "worker")) {
      arm(remainingMs());
    }
  }

  /** Counts as a failure: its slot waits longer each time. */
  function giveUpBoot(): void {
    faulty = true;
    ordered ??= `not ready in ${formatDuration(options.bootTimeoutMs)}`;
    dispatch({ type: "kill" });
  }

  function onListening(where: WorkerAddress): void {
    address = where;
    if (options.health === null) {
      dispatch({ type: "healthy" });
      return;
    }
    if (life.name !== "booting") return;
    health = watchHealth(where, {
      path: options.health,
      patienceMs: options.requestTimeoutMs,
      onHealthy: () => dispatch({ type: "healthy" }),
      onFailed(answer) {
        lastHealth = answer;
        if (life.name === "ready") {
          options.log.warn(
            `${spec.id}: health check GET ${options.health} ${describeHealth(answer)}`,
          );
        }
      },
      onUnhealthy: (answer) => {
        options.wantsReplacement(worker, `health check failing (${describeHealth(answer)})`);
      },
    });
  }

  function ping(): void {
    answered = false;
    launched.ping?.();
  }

  function readyMs(): number {
    return readyAt === undefined ? 0 : performance.now() - readyAt;
  }

  function onExited(status: ExitStatus): void {
    const wasReadyMs = readyMs();
    dispatch({ type: "exited" });
    const reason = ordered ?? (error === null ? describeExit(status) : error.title);
    options.ended(worker, {
      ...status,
      reason,
      readyMs: wasReadyMs,
      ordered: ordered !== undefined && !faulty,
      error,
    });
    ended.resolve();
  }

  const worker: Worker = {
    spec,
    life: () => life,
    view: () => ({
      id: spec.id,
      key: spec.key,
      pid,
      generation: options.generation,
      startedAt,
      state: life.name === "gone" ? "stopped" : life.name,
    }),
    listening: () => address !== undefined,
    address: () => address,
    lastHealth: () => lastHealth,
    readyMs,
    ping,
    turns(deadlineMs) {
      return new Promise((resolve) => {
        const settle = (turns: boolean): void => {
          awaitPong.delete(onPong);
          clearTimeout(late);
          resolve(turns);
        };
        const onPong = (): void => settle(true);
        const late = setTimeout(settle, deadlineMs, false);
        awaitPong.add(onPong);
        ping();
      });
    },
    answered: () => (launched.ping === undefined ? undefined : answered),
    readStacks: (spared) => launched.readStacks?.(spared) ?? Promise.resolve([]),
    drain(reason, { deadlineMs = options.drainTimeoutMs, fault = false } = {}) {
      const endsAt = performance.now() + deadlineMs;
      if (ordered === undefined) faulty = fault;
      if (deadlineMs <= 0) afterTermMs = shortTermMs;
      if (life.name === "draining" && endsAt >= drainEndsAt) return;
      ordered ??= reason;
      drainEndsAt = endsAt;
      if (life.name === "draining") shortenDrain();
      else dispatch({ type: "drain" });
    },
    kill(reason, answer) {
      ordered ??= reason;
      const end = (): void => dispatch({ type: "kill" });
      if (answer === undefined || address === undefined) {
        end();
        return;
      }
      const late = setTimeout(end, answerMs);
      options.forget(spec.key, answer, () => {
        clearTimeout(late);
        end();
      });
    },
    ended: ended.promise,
  };

  const launched: LaunchedWorker = options.source.launch(spec, {
    started(number) {
      pid = number;
      options.changed();
    },
    listening: onListening,
    failed(report) {
      error ??= report;
    },
    leaving: (reason) => options.wantsReplacement(worker, reason),
    pong() {
      answered = true;
      for (const heard of awaitPong) heard();
    },
    exited: onExited,
  });
  return worker;
}
