/**
 * The main thread's books of upstreams: which addresses their servers have, how these do, and what
 * the threads have to be told of it.
 */
import { isIP } from "node:net";
import { formatAddress, type Logger, parseAddress } from "@stack/base";
import type { EdgePlan, UpstreamPlan } from "@stack/config";
import type { EdgeUpstreamMetrics } from "@stack/control";
import { countWaiting, createAppQueue, forgetThread } from "../../core/scheduling/app-queue.ts";
import type { MainToThread } from "../../core/thread-messages.ts";
import {
  createServerMemory,
  isEjected,
  markNew,
  readFailures,
  readHealth,
  readInFlight,
  readRequests,
  resetServer,
  type ServerMemory,
  serverHealth,
  sweepServers,
  viewServerMemory,
  writeHealth,
} from "../../core/upstream/server-memory.ts";
import { createServerPlaces, type ServerPlaces } from "../../core/upstream/server-places.ts";
import {
  type SharedServer,
  type SharedUpstream,
  serverPlanOf,
} from "../../core/upstream/shared-upstream.ts";
import { type HealthChecks, startHealthChecks } from "./health-checks.ts";
import { type NameWatch, watchName } from "./name-watch.ts";

export interface UpstreamDesk {
  /** The upstreams of a plan, to be sent with it. */
  readonly configure: (plan: EdgePlan) => readonly SharedUpstream[];
  readonly onUnreached: (id: number, server: string) => void;
  readonly onThreadEnd: (thread: number) => void;
  readonly metrics: () => Readonly<Record<string, EdgeUpstreamMetrics>>;
}

export interface UpstreamDeskOptions {
  readonly threads: number;
  readonly post: (message: MainToThread) => void;
  readonly log: Logger;
}

interface Known {
  readonly id: number;
  readonly name: string;
  readonly shared: SharedArrayBuffer;
  readonly memory: ServerMemory;
  readonly queue: SharedArrayBuffer;
  readonly places: ServerPlaces;
  plan: UpstreamPlan;
  /** By the name: the addresses found last. */
  readonly found: Map<string, readonly string[]>;
  readonly watches: Map<string, NameWatch>;
  /** What the watches were made from. */
  resolver: string;
  checks: HealthChecks | undefined;
  checksKey: string;
  servers: readonly SharedServer[];
}

export function createUpstreamDesk(options: UpstreamDeskOptions): UpstreamDesk {
  const { log, post, threads } = options;
  const known = new Map<string, Known>();
  let nextId = 0;

  function open(name: string, plan: UpstreamPlan): Known {
    const shared = createServerMemory(threads);
    const memory = viewServerMemory(shared, threads);
    const upstream: Known = {
      id: nextId++,
      name,
      shared,
      memory,
      queue: createAppQueue(threads),
      places: createServerPlaces((place) => {
        if (readInFlight(memory, place) > 0) return false;
        resetServer(memory, place);
        return true;
      }),
      plan,
      found: new Map(),
      watches: new Map(),
      resolver: "",
      checks: undefined,
      checksKey: "",
      servers: [],
    };
    known.set(name, upstream);
    return upstream;
  }

  function close(upstream: Known): void {
    for (const watch of upstream.watches.values()) watch[Symbol.dispose]();
    upstream.checks?.[Symbol.dispose]();
    known.delete(upstream.name);
  }

  /** Watches the names of the plan, and no others. */
  function watch(upstream: Known): void {
    const resolver = JSON.stringify(upstream.plan.resolver ?? []);
    const names = new Set(
      upstream.plan.servers.flatMap((written) => {
        const address = parseAddress(serverPlanOf(written).address);
        return address?.kind === "tcp" && isIP(address.host) === 0 ? [address.host] : [];
      }),
    );
    for (const [name, watched] of upstream.watches) {
      if (names.has(name) && resolver === upstream.resolver) continue;
      watched[Symbol.dispose]();
      upstream.watches.delete(name);
      if (!names.has(name)) upstream.found.delete(name);
    }
    upstream.resolver = resolver;
    for (const name of names) {
      if (upstream.watches.has(name)) continue;
      const watched = watchName({
        name,
        resolver: upstream.plan.resolver ?? [],
        onAddresses(addresses) {
          upstream.found.set(name, addresses);
          log.info(`upstream ${upstream.name}: ${name} is ${addresses.join(", ")}`);
          update(upstream);
        },
        onFailure(reason) {
          const kept = upstream.found.has(name) ? "; its last addresses stay in use" : "";
          log.warn(`upstream ${upstream.name}: ${name} cannot be resolved (${reason})${kept}`);
        },
      });
      upstream.watches.set(name, watched);
    }
  }

  function update(upstream: Known): void {
    const before = new Set(upstream.servers.map((server) => server.address));
    upstream.servers = listServers(upstream);
    upstream.places.keepOnly(new Set(upstream.servers.map((server) => server.address)));
    if (before.size > 0) {
      for (const { address, place } of upstream.servers) {
        if (!before.has(address)) markNew(upstream.memory, place, Date.now());
      }
    }
    post({ type: "upstream-servers", id: upstream.id, servers: upstream.servers });
    upstream.checks?.setServers(upstream.servers);
  }

  function check(upstream: Known): void {
    const { health, protocol, proxyProtocol, params, scripts } = upstream.plan;
    const key = JSON.stringify([health, protocol, proxyProtocol, params, scripts]);
    if (key !== upstream.checksKey) {
      upstream.checks?.[Symbol.dispose]();
      upstream.checksKey = key;
      for (const { place } of upstream.servers) {
        writeHealth(upstream.memory, place, serverHealth.unknown, Date.now());
      }
      upstream.checks =
        health === undefined
          ? undefined
          : startHealthChecks({
              plan: upstream.plan,
              health,
              onChange(server, found, why) {
                const state = found === "up" ? serverHealth.up : serverHealth.down;
                writeHealth(upstream.memory, server.place, state, Date.now());
                const text = `upstream ${upstream.name}: ${server.address} is ${found}`;
                if (found === "up") log.info(text);
                else log.warn(`${text}: ${why}`);
              },
              onBug: (error) => log.error(`a health check failed: ${String(error)}`),
            });
    }
    upstream.checks?.setServers(upstream.servers);
  }

  return {
    configure(plan) {
      for (const upstream of [...known.values()]) {
        if (plan.upstreams[upstream.name] === undefined) close(upstream);
      }
      return Object.entries(plan.upstreams).map(([name, settings]) => {
        const upstream = known.get(name) ?? open(name, settings);
        upstream.plan = settings;
        upstream.servers = listServers(upstream);
        upstream.places.keepOnly(new Set(upstream.servers.map((server) => server.address)));
        watch(upstream);
        check(upstream);
        const { id, memory: _memory, queue, servers, shared } = upstream;
        return { id, name, memory: shared, queue, servers };
      });
    },
    onUnreached(id, server) {
      for (const upstream of known.values()) {
        if (upstream.id === id) askAgain(upstream, server);
      }
    },
    onThreadEnd(thread) {
      for (const { memory, queue, servers } of known.values()) {
        sweepServers(
          memory,
          thread,
          servers.some((server) => server.limit > 0),
        );
        forgetThread(new Int32Array(queue), thread);
      }
    },
    metrics: () =>
      Object.fromEntries([...known.values()].map((upstream) => [upstream.name, measure(upstream)])),
  };
}

/** The name that stands for an address may have moved. */
function askAgain(upstream: Known, server: string): void {
  const host = hostOf(server);
  for (const [name, watch] of upstream.watches) {
    const found = upstream.found.get(name);
    if (found === undefined || name === host || found.includes(host)) watch.askNow();
  }
}

function hostOf(text: string): string {
  const address = parseAddress(text);
  return address?.kind === "tcp" ? address.host : "";
}

/** Each address once, as the first server of the plan that has it says. */
function listServers(upstream: Known): readonly SharedServer[] {
  const servers = new Map<string, SharedServer>();
  for (const written of upstream.plan.servers) {
    const { address, backup, maxInFlight, weight } = serverPlanOf(written);
    const parsed = parseAddress(address);
    const hosts = parsed?.kind === "tcp" ? upstream.found.get(parsed.host) : undefined;
    const addresses =
      parsed?.kind === "tcp" && hosts !== undefined
        ? hosts.map((host) => formatAddress({ ...parsed, host }))
        : [address];
    for (const one of addresses) {
      const place = upstream.places.take(one);
      if (place < 0 || servers.has(one)) continue;
      const limit = maxInFlight ?? 0;
      servers.set(one, { place, address: one, weight, isBackup: backup, limit });
    }
  }
  return [...servers.values()];
}

function measure({ memory, queue, servers }: Known): EdgeUpstreamMetrics {
  return {
    queue: countWaiting(new Int32Array(queue)),
    servers: servers.map(({ address, place }) => ({
      address,
      state:
        readHealth(memory, place) === serverHealth.down
          ? "crashed"
          : isEjected(memory, place, Date.now())
            ? "degraded"
            : "ready",
      requests: readRequests(memory, place),
      failures: readFailures(memory, place),
      inFlight: readInFlight(memory, place),
    })),
  };
}
