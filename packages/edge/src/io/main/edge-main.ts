/**
 * The main thread of an edge: takes plans from stackd and workers from arbiters, passes both to the
 * serving threads and keeps the books. It serves nothing itself, and works on while stackd is away.
 */
import { randomInt } from "node:crypto";
import { totalmem } from "node:os";
import { join } from "node:path";
import { createLogger, type ErrorReport, type Logger, reportOf } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import {
  type CacheOrder,
  controlVersion,
  type EdgeToStackd,
  type Hello,
  openReconnectingPeer,
  type StackdToEdge,
  type WorkerLoad,
} from "@stack/control";
import { createBudgetMemory, forgetBudget } from "../../core/buffer-budget.ts";
import type { EdgeOptions } from "../../core/edge-options.ts";
import type { ExposedEdge } from "../../core/measuring/edge-exposition.ts";
import { collectMetrics } from "../../core/measuring/edge-metrics.ts";
import {
  clearThreadGauges,
  createMetricsMemory,
  readAppWait,
} from "../../core/measuring/metrics.ts";
import { routeLabel } from "../../core/measuring/route-label.ts";
import { assignRouteSlots, otherRoutesSlot } from "../../core/measuring/route-metrics.ts";
import { oldestWaitMs } from "../../core/scheduling/app-queue.ts";
import { createWorkerRegistry, type KnownWorker } from "../../core/scheduling/worker-registry.ts";
import { readFailed, readLoad, readServed } from "../../core/scheduling/worker-slots.ts";
import { createSharedCounters, forgetThreadCounters } from "../../core/shared-counters.ts";
import type { SharedApp, ThreadToMain, TlsMaterial } from "../../core/thread-messages.ts";
import { adminSocketFailed } from "../../errors.ts";
import { createCertificateWatch, type GivenFiles } from "../certificates/certificate-watch.ts";
import { probeAdoption } from "../thread/adopt-socket.ts";
import { createAdminServer } from "./admin-server.ts";
import { createArbiterDesk } from "./arbiter-desk.ts";
import { startArbiterServer } from "./arbiter-server.ts";
import { startBusySampler } from "./busy-sampler.ts";
import { createCacheOwner } from "./cache-owner.ts";
import { createLogRotation } from "./log-rotation.ts";
import { createRequestsDesk } from "./requests-desk.ts";
import { startThreadPool } from "./thread-pool.ts";
import { createUpstreamDesk } from "./upstream-desk.ts";

const metricsMs = 1_000;
const defaultDrainMs = 30_000;
/** How long tunnels stay where no other edge has taken over: there is nothing to wait for. */
const tunnelGraceMs = 1_000;
/** Before a drain's own deadline, so that the ends of tunnels are counted and logged. */
const tunnelMarginMs = 500;
/** Of the machine's memory, what all buffered bodies and answers together may take. */
const budgetShare = 1 / 8;
const leastBudgetBytes = 64 * 1024 * 1024;
const mostBudgetBytes = 1024 * 1024 * 1024;

/** Runs until it has drained, then ends the process. */
export async function runEdge(options: EdgeOptions, entry: URL): Promise<void> {
  const log = createLogger((line) => process.stdout.write(line));
  const registry = createWorkerRegistry(options.threads);
  const metrics = createMetricsMemory(options.threads);
  const budget = createBudgetMemory(options.threads);
  const connections = new SharedArrayBuffer(options.threads * 4);
  const counters = createSharedCounters(options.threads, randomSeed());
  let activePlan: EdgePlan | undefined;
  let routeSlots: ReadonlyMap<string, number> = new Map();
  const inPlace = await probeAdoption();
  if (!inPlace)
    log.warn("this Node does not let accepted sockets be read in place; reading by events");

  /** Plans sent, and by thread how many of them it has taken up. */
  let plans = 0;
  const taken = new Map<number, number>();
  /** By thread, the last `maintenance` it follows. */
  const maintained = new Map<number, number>();
  let planError: ErrorReport | undefined;
  let degraded = "";
  let draining = false;
  const drained = new Set<number>();

  const pool = startThreadPool({
    entry,
    edge: options,
    shared: {
      metrics,
      budget,
      budgetBytes: Math.min(Math.max(totalmem() * budgetShare, leastBudgetBytes), mostBudgetBytes),
      connections,
      counters,
      inPlace,
    },
    onMessage: onThreadMessage,
    onEnd: onThreadEnd,
  });
  const cache = createCacheOwner({
    seed: randomSeed,
    counts: counters.cache,
    routeSlots: () => routeSlots,
    postEach: pool.postEach,
    log,
  });
  const certificates = createCertificateWatch((tls) => pool.post({ type: "tls", tls }), log);
  const desk = createArbiterDesk({ registry, post: pool.post, loadOf, waitOf, log });
  const busy = startBusySampler(registry);
  const requests = createRequestsDesk({
    post: pool.post,
    living: pool.living,
    answer: (id, found) => stackd.send({ type: "requests", id, requests: found }),
  });
  const upstreams = createUpstreamDesk({ threads: options.threads, post: pool.post, log });
  const socketPath = join(options.run, `edge-${options.generation}.sock`);
  const arbiters = await startArbiterServer(socketPath, desk).catch((cause: Error) => {
    throw adminSocketFailed({ path: socketPath, reason: cause.message }, cause);
  });
  const stackd = openReconnectingPeer<StackdToEdge, Hello | EdgeToStackd>(
    options.control,
    (send) => {
      send({
        type: "hello",
        version: controlVersion,
        role: "edge",
        pid: process.pid,
        generation: options.generation,
        configured: plans > 0 && isServing(),
      });
      if (degraded !== "") send({ type: "edge-degraded", reason: degraded });
    },
    (message) => {
      if (message.type === "configure") configure(message.plan as EdgePlan, message.files);
      else if (message.type === "files") certificates.renew(message.files);
      else if (message.type === "maintenance") maintain(message);
      else if (message.type === "list-requests") requests.ask(message.id);
      else if (message.type === "cache") void tellOfCache(message.id, message.order);
      else drain(message.deadlineMs, message.handedOver === true);
    },
  );
  const rotation = createLogRotation(log);
  const admin = createAdminServer({
    socketPath: join(options.run, "admin.sock"),
    generation: options.generation,
    metrics: describeEdge,
    log,
  });
  const ticker = setInterval(() => {
    desk.report();
    if (stackd.connected()) {
      const all = collectMetrics(metrics, registry, Date.now(), loadOf);
      stackd.send({ type: "edge-metrics", metrics: { ...all, upstreams: upstreams.metrics() } });
    }
  }, metricsMs);
  process.on("SIGTERM", () => drain(defaultDrainMs));
  process.on("SIGINT", () => drain(defaultDrainMs));

  /** Never rejects: who does not hear has a deadline. */
  async function tellOfCache(id: number, order: CacheOrder): Promise<void> {
    const answer = await cache.obey(order).catch(() => undefined);
    if (answer !== undefined) stackd.send({ type: "cache-answer", id, answer });
  }

  function loadOf(worker: KnownWorker): WorkerLoad {
    return {
      requests: readServed(worker.slots),
      inFlight: readLoad(worker.slots),
      busyShare: busy.of(worker),
      exceptions: readFailed(worker.slots),
    };
  }

  /** Of those that got a worker lately, and of the one that has waited longest for it. */
  function waitOf({ metricsSlot, queue }: SharedApp): number {
    const now = Date.now();
    const waiting = oldestWaitMs(new Int32Array(queue), now);
    return Math.max(readAppWait(metrics, metricsSlot, now), waiting);
  }

  function describeEdge(): ExposedEdge {
    return {
      generation: options.generation,
      threads: pool.living().length,
      metrics,
      routes: counters.routes,
      cache: counters.cache,
      listenerCounts: counters.listeners,
      listeners: options.listeners,
      registry,
      upstreams: upstreams.metrics(),
      plan: activePlan,
      routeSlots,
    };
  }

  function configure(plan: EdgePlan, given: GivenFiles = {}): void {
    let tls: readonly TlsMaterial[];
    try {
      tls = certificates.configure(plan, given);
    } catch (error) {
      stackd.send({ type: "edge-failed", error: reportOf(error) });
      return;
    }
    plans += 1;
    planError = undefined;
    activePlan = plan;
    admin.configure(plan.admin ?? null);
    rotation.configure(plan.accessLog);
    for (const [name, { canary }] of Object.entries(plan.apps)) {
      registry.app(name);
      if (canary !== undefined) registry.app(canary.app);
    }
    const labels = plan.routes.map(routeLabel);
    routeSlots = assignRouteSlots(labels, routeSlots);
    const sharedCache = cache.configure(plan); // before: threads are told the way to its store
    pool.post({
      type: "plan",
      plan,
      apps: registry.apps(),
      upstreams: upstreams.configure(plan),
      cache: sharedCache,
      routeSlots: labels.map((label) => routeSlots.get(label) ?? otherRoutesSlot),
      tls,
    });
  }

  function maintain(message: Extract<StackdToEdge, { type: "maintenance" }>): void {
    maintained.clear();
    pool.post(message);
  }

  /** Told once every thread does it. */
  function onMaintained(thread: number, serial: number): void {
    maintained.set(thread, serial);
    if (!pool.living().every((one) => maintained.get(one) === serial)) return;
    stackd.send({ type: "maintenance-set", serial });
  }

  function isServing(): boolean {
    return pool.living().every((thread) => taken.get(thread) === plans);
  }

  function onThreadMessage(thread: number, message: ThreadToMain): void {
    switch (message.type) {
      case "serving":
      case "plan-failed":
        taken.set(thread, (taken.get(thread) ?? 0) + 1);
        if (message.type === "plan-failed") planError ??= message.error;
        answerPlan();
        return;
      case "maintenance-set":
        onMaintained(thread, message.serial);
        return;
      case "requests":
        requests.onAnswer(thread, message.id, message.requests);
        return;
      case "upstream-unreached":
        upstreams.onUnreached(message.id, message.server);
        return;
      case "drained":
        drained.add(thread);
        finishIfDrained();
        return;
      default:
        desk.onThreadMessage(thread, message);
    }
  }

  function answerPlan(): void {
    if (plans === 0 || !isServing()) return;
    if (planError === undefined) stackd.send({ type: "edge-ready" });
    else stackd.send({ type: "edge-failed", error: planError });
  }

  function onThreadEnd(thread: number, error: Error | undefined): void {
    if (drained.has(thread)) return;
    degraded = `thread ${thread} ended: ${error?.message ?? "without an error"}`;
    log.error(`${degraded}${error?.stack === undefined ? "" : ` ${error.stack}`}`);
    new Int32Array(connections)[thread] = 0;
    forgetBudget(budget, thread);
    clearThreadGauges(metrics, thread);
    forgetThreadCounters(counters, thread);
    desk.onThreadEnd(thread);
    upstreams.onThreadEnd(thread);
    cache.onThreadEnd(thread);
    stackd.send({ type: "edge-degraded", reason: degraded });
    if (pool.living().length === 0) end(draining ? 0 : 1);
    else if (draining) finishIfDrained();
    else answerPlan();
  }

  function drain(deadlineMs: number, handedOver = false): void {
    if (draining) return;
    draining = true;
    log.info(`draining, at most ${deadlineMs} ms`);
    pool.post({
      type: "drain",
      tunnelsMs: handedOver ? deadlineMs - tunnelMarginMs : tunnelGraceMs,
    });
    rotation.close();
    admin.close(); // its addresses are the next generation's
    setTimeout(() => end(0), deadlineMs);
  }

  function finishIfDrained(): void {
    if (pool.living().every((thread) => drained.has(thread))) end(0);
  }

  function end(code: number): void {
    clearInterval(ticker);
    busy[Symbol.dispose]();
    certificates.close();
    arbiters.close();
    stackd[Symbol.dispose]();
    process.exit(code);
  }
}

function randomSeed(): readonly [number, number] {
  return [randomInt(2 ** 32), randomInt(2 ** 32)];
}

/** For the entry: what cannot be started is one line for the log, and exit 1. */
export function reportStartFailure(log: Logger, error: unknown): void {
  const report = reportOf(error);
  log.error(`${report.code} ${report.title}`);
}
