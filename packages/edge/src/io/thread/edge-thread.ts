/**
 * One serving thread of the edge: its listeners, its client connections, its links to all workers.
 * Told what to do by the main thread; shares slots, queues and counters with the other threads.
 */
import type { Server } from "node:net";
import { setFlagsFromString } from "node:v8";
import type { MessagePort } from "node:worker_threads";
import { createLogger, reportOf } from "@stack/base";
import type { EdgePlan, RoutePlan } from "@stack/config";
import type { RunningRequest } from "@stack/control";
import { flatCopy, formatHttpDate } from "@stack/protocols";
import { createBufferBudget } from "../../core/buffer-budget.ts";
import type { FillMessage } from "../../core/cache/fill-messages.ts";
import { createDescriptorShortage } from "../../core/descriptor-shortage.ts";
import { createErrorPages } from "../../core/error-pages.ts";
import { createCacheMetrics } from "../../core/measuring/cache-metrics.ts";
import { createListenerMetrics } from "../../core/measuring/listener-metrics.ts";
import { createThreadMetrics } from "../../core/measuring/metrics.ts";
import { createRouteMetrics } from "../../core/measuring/route-metrics.ts";
import { openInFlightTable } from "../../core/protection/in-flight-table.ts";
import { openRateTable } from "../../core/protection/rate-table.ts";
import { buildRouteTable } from "../../core/routing/route-table.ts";
import { describeRunning } from "../../core/running-request.ts";
import { createSpillBudget } from "../../core/spill-budget.ts";
import type {
  MainToThread,
  ThreadOptions,
  ThreadToMain,
  Wake,
} from "../../core/thread-messages.ts";
import { turnAwayAs } from "../../core/turn-away.ts";
import { listenFailed } from "../../errors.ts";
import { createThreadCache } from "../cache/thread-cache.ts";
import { createAddressCap } from "../client/address-cap.ts";
import { createClientList } from "../client/client-list.ts";
import { createEntrances } from "../entrance/entrances.ts";
import { createFrontConnections } from "../front/front-connections.ts";
import { createH2Connections } from "../h2/h2-connections.ts";
import { type AccessLogWriter, createAccessLogWriter } from "../log/access-log-writer.ts";
import { createWorkerTable } from "../main/worker-table.ts";
import type { SharedProtection } from "../protection/gates.ts";
import { createPasswordFiles } from "../protection/password-files.ts";
import { createPasswordJudge } from "../protection/password-judge.ts";
import { createErrorPageFiles } from "../shaping/error-page-files.ts";
import { createMaintenanceCover } from "../shaping/maintenance.ts";
import { createSpillDesk } from "../spill/spill-desk.ts";
import { createUpstreamTable } from "../upstream/upstream-table.ts";
import { buildActivePlan, retireActivePlan } from "./active-plan.ts";
import { createAdopter } from "./adopt-socket.ts";
import { listenOn } from "./listen.ts";
import { createQuickener } from "./quicken.ts";
import { measureClockOffset } from "./shared-clock.ts";
import { createSpareDescriptor } from "./spare-descriptor.ts";
import type { ThreadContext } from "./thread-context.ts";
import { createTurnEnd } from "./turn-end.ts";

type PlanMessage = Extract<MainToThread, { readonly type: "plan" }>;

const readBufferBytes = 64 * 1024;
const tickMs = 100;
/** Nobody reads more, and they all are one message. */
const mostListed = 500;
/** Kept connections may bring one more request before they are closed by a drain. */
const drainGraceMs = 1_000;

/**
 * Runs until the main thread ends it or says `drain`.
 *
 * @param main the port to the main thread
 * @param peers ports to the other threads, by index
 */
export function runEdgeThread(
  options: ThreadOptions,
  main: MessagePort,
  peers: ReadonlyMap<number, MessagePort>,
): void {
  // For RegExp paths: V8's linear engine costs no more than a path is long, whatever the pattern.
  setFlagsFromString("--enable-experimental-regexp-engine");
  const send = (message: ThreadToMain): void => main.postMessage(message);
  const log = createLogger((line) => process.stdout.write(line));
  const pageFiles = createErrorPageFiles(log.warn);
  const pages = createErrorPages(pageFiles);
  const thread = createContext(options, log, pages);
  const counts = new Int32Array(options.connections);
  const adopt = createAdopter(Buffer.allocUnsafeSlow(readBufferBytes), options.inPlace);
  const clients = createClientList({ thread, adopt, counts });
  const fronts = createFrontConnections({ thread, adopt, counts });
  const h2 = createH2Connections({ thread, adopt, counts });
  const entrances = createEntrances(thread, counts, {
    admits: (socket, address) => addresses.admits(socket, address),
    onHttp1: clients.accept,
    onHttp2: h2.open,
    onFront: fronts.open,
  });
  const readBuffer = Buffer.allocUnsafeSlow(readBufferBytes); // for workers and upstreams
  const workers = createWorkerTable({ thread, readBuffer, send, wake });
  const upstreams = createUpstreamTable({
    thread,
    threads: options.threads,
    readBuffer,
    wake: (target, id) => wake(target, id, false),
    onUnreached: (id, server) => send({ type: "upstream-unreached", id, server }),
  });
  const protection: SharedProtection = {
    rates: openRateTable(options.counters.rates),
    inFlight: openInFlightTable(options.counters.inFlight, options.index),
    clockOffsetMs: measureClockOffset(),
    passwords: { ...createPasswordFiles(log.warn), ...createPasswordJudge() },
  };
  const cache = createThreadCache(options.index, (target, message) => {
    const port = peers.get(target);
    port?.postMessage(message);
    return port !== undefined;
  });
  const maintenance = createMaintenanceCover(options.threads);
  const listenerMetrics = createListenerMetrics(options.counters.listeners, options.index);
  const spare = createSpareDescriptor(
    createDescriptorShortage(options.counters.descriptors, options.index),
    log,
  );
  const countsOpen: (() => void)[] = [];
  const servers: Server[] = [];
  let writer: AccessLogWriter | undefined;
  let writerFile = "";
  let sweepsRates = false;
  let listening = false;
  let drainingSince = 0;
  let tunnelsEndAt = Number.POSITIVE_INFINITY;

  function wake(target: number, app: number, passed: boolean): void {
    peers.get(target)?.postMessage({ app, passed } satisfies Wake);
  }

  async function onPlan(message: PlanMessage): Promise<void> {
    try {
      const { plan, apps, routeSlots, tls } = message;
      const oldWriter = renewWriter(plan);
      workers.configure(apps, plan);
      upstreams.configure(message.upstreams, plan);
      cache.configure(message.cache);
      pageFiles.load(plan.errorPages);
      const old = thread.active;
      thread.active = maintenance.cover(
        buildActivePlan(plan, {
          pages,
          writer,
          app: workers.backend,
          isDown: workers.isDown,
          release: workers.release,
          cache: cache.desk(),
          upstream: upstreams.backend,
          routeSlots,
          protection,
        }),
      );
      entrances.configure(plan, tls);
      retireActivePlan(old);
      // One thread does it for all, and only where there are rate limits.
      sweepsRates = options.index === 0 && plan.routes.some(hasRateLimit);
      await oldWriter?.close();
      if (!listening) {
        listening = true;
        await listen();
      }
      send({ type: "serving" });
    } catch (error) {
      send({ type: "plan-failed", error: reportOf(error) });
    }
  }

  /** Another file: another writer; returns the one to be closed. */
  function renewWriter(plan: EdgePlan): AccessLogWriter | undefined {
    const file = plan.accessLog?.file ?? "";
    if (file === writerFile) return undefined;
    const old = writer;
    writerFile = file;
    writer = file === "" ? undefined : createAccessLogWriter({ file, onProblem: log.warn });
    return old;
  }

  const addresses = createAddressCap(thread, protection.inFlight);

  async function listen(): Promise<void> {
    await Promise.all(
      options.listeners.map(async (listener, index) => {
        const descriptor = options.descriptors[index] ?? -1;
        try {
          const server = await listenOn({
            listener,
            descriptor,
            spare,
            admits: clients.admits,
            addresses: {
              ...addresses,
              admits: (socket, address) =>
                entrances.isProxy(index, address) || addresses.admits(socket, address),
            },
            accept(socket, facts) {
              listenerMetrics.accepted(index);
              thread.turnEnd.accepted();
              entrances.accept(index, socket, facts);
            },
            turnAwayAnswer: () => turnAwayAs(entrances.protocolOf(index), clients.turnAwayAnswer()),
          });
          servers.push(server);
          countsOpen.push(() => {
            server.getConnections((_error, count) => listenerMetrics.open(index, count));
          });
        } catch (cause) {
          throw listenFailed({ listener: listener.name, address: listener.address }, cause);
        }
      }),
    );
  }

  function listRequests(): readonly RunningRequest[] {
    const now = performance.now();
    const found: RunningRequest[] = [];
    for (const list of [clients, h2]) {
      for (const exchange of list.exchanges()) {
        if (found.length < mostListed) found.push(describeRunning(exchange, now));
      }
    }
    return found;
  }

  function onDrain(tunnelsMs: number): void {
    if (thread.draining) return;
    tunnelsEndAt = performance.now() + tunnelsMs;
    thread.draining = true;
    drainingSince = performance.now();
    for (const server of servers) server.close();
    h2.drain();
  }

  async function finish(): Promise<void> {
    clearInterval(ticker);
    workers.close();
    await writer?.close();
    send({ type: "drained" });
  }

  const ticker = setInterval(() => {
    const now = performance.now();
    thread.dateLine = dateLine();
    clients.check(now);
    spare.check(now);
    for (const count of countsOpen) count();
    h2.check(now);
    fronts.check(now);
    entrances.check(now);
    guardTick(() => workers.check(now));
    guardTick(() => cache.check(now));
    pageFiles.check(now);
    maintenance.check(now);
    guardTick(() => upstreams.check(now));
    if (sweepsRates) protection.rates.sweep((now + protection.clockOffsetMs) * 1_000);
    if (!thread.draining) return;
    if (now - drainingSince > drainGraceMs) {
      clients.closeIdle();
      fronts.closeIdle();
      h2.close();
      entrances.closeAll();
    }
    if (now > tunnelsEndAt) clients.endTunnels();
    const left = clients.count() + fronts.count() + h2.count() + entrances.count();
    if (left === 0) void finish(); // never rejects: closing a log is best effort
  }, tickMs);

  main.on("message", (message: MainToThread) => {
    switch (message.type) {
      case "plan":
        void onPlan(message); // never rejects: it reports what goes wrong
        return;
      case "cache-store":
        cache.connect(message.id, message.port as MessagePort);
        return;
      case "tls":
        guardTick(() => entrances.configure(thread.active.plan, message.tls));
        return;
      case "upstream-servers":
        guardTick(() => upstreams.setServers(message.id, message.servers));
        return;
      case "maintenance":
        guardTick(() => {
          maintenance.set(message.maintenance, (plan) => {
            thread.active = plan;
          });
        });
        send({ type: "maintenance-set", serial: message.serial });
        return;
      case "list-requests":
        send({ type: "requests", id: message.id, requests: listRequests() });
        return;
      case "drain":
        onDrain(message.tunnelsMs);
        return;
      default:
        guardTick(() => workers.onMessage(message));
    }
  });
  for (const [index, port] of peers) {
    port.on("message", (message: Wake | FillMessage) => onPeerMessage(index, message));
    port.on("close", () => guardTick(() => cache.onThreadEnd(index)));
  }

  function onPeerMessage(from: number, message: Wake | FillMessage): void {
    guardTick(() => {
      if ("fill" in message) cache.onMessage(from, message);
      else if (message.app < 0) upstreams.onWake(message.app);
      else workers.onWake(message);
    });
  }

  /** What goes wrong between connections must not end them all. */
  function guardTick(run: () => void): void {
    try {
      run();
    } catch (error) {
      log.error(`a step of the edge failed: ${describe(error)}`);
    }
  }
}

function hasRateLimit({ protection }: RoutePlan): boolean {
  return protection !== undefined && protection.rateLimit !== null;
}

function createContext(
  options: ThreadOptions,
  log: ThreadContext["log"],
  errorPages: ThreadContext["errorPages"],
): ThreadContext {
  return {
    index: options.index,
    log,
    errorPages,
    timeOrigin: performance.timeOrigin,
    metrics: createThreadMetrics(options.metrics, options.index),
    spill: createSpillDesk(
      options.index,
      createSpillBudget(options.counters.spill, options.index),
      log,
    ),
    cacheMetrics: createCacheMetrics(options.counters.cache, options.index),
    routeMetrics: createRouteMetrics(options.counters.routes, options.index),
    budget: createBufferBudget(options.budget, options.index, options.budgetBytes),
    active: {
      plan: emptyPlan,
      table: buildRouteTable([]),
      backends: [],
      routeSlots: [],
      trust: undefined,
      instrument: undefined,
      logAccess: undefined,
    },
    draining: false,
    dateLine: dateLine(),
    heads: [],
    turnEnd: createTurnEnd(),
    quicken: createQuickener(),
  };
}

/** Until the first plan comes; nothing listens before that. */
const emptyPlan: EdgePlan = {
  trustedProxies: [],
  limits: { headerBytes: 0, headerCount: 0, bodyBytes: 0, bufferBytes: 0, connections: 0 },
  timeoutsMs: { header: 0, body: 0, idle: 0, connect: 0, firstByte: 0 },
  accessLog: null,
  routes: [],
  upstreams: {},
  apps: {},
};

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function dateLine(): string {
  return flatCopy(`Date: ${formatHttpDate(Date.now())}\r\n`);
}
