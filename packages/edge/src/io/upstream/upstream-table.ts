/** The upstreams one thread knows, and what the main thread says of their servers. */
import type { EdgePlan } from "@stack/config";
import { viewServerMemory } from "../../core/upstream/server-memory.ts";
import {
  type SharedServer,
  type SharedUpstream,
  wakeIdOf,
} from "../../core/upstream/shared-upstream.ts";
import type { Backend } from "../exchange.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import { createUpstream, type Upstream } from "./upstream.ts";

export interface UpstreamTable {
  /** Those of a plan, before its backends are asked for. */
  readonly configure: (shared: readonly SharedUpstream[], plan: EdgePlan) => void;
  readonly backend: (name: string) => Backend | undefined;
  readonly setServers: (id: number, servers: readonly SharedServer[]) => void;
  /** @param id as `wakeIdOf` made it */
  readonly onWake: (id: number) => void;
  readonly check: (now: number) => void;
}

export interface UpstreamTableOptions {
  readonly thread: ThreadContext;
  readonly threads: number;
  readonly readBuffer: Buffer;
  /** @param id names the upstream among all that threads wake each other for */
  readonly wake: (thread: number, id: number) => void;
  readonly onUnreached: (upstream: number, server: string) => void;
}

/** For answers: an upstream may say more than a client. */
const answerLimits = { headerBytes: 256 * 1024, headerCount: 1000 };

export function createUpstreamTable(options: UpstreamTableOptions): UpstreamTable {
  const { thread } = options;
  const byId = new Map<number, Upstream>();
  const byName = new Map<string, Upstream>();

  function open(shared: SharedUpstream): Upstream {
    const known = byId.get(shared.id);
    if (known !== undefined) return known;
    const { name } = shared;
    const upstream = createUpstream({
      self: thread.index,
      memory: viewServerMemory(shared.memory, options.threads),
      queue: new Int32Array(shared.queue),
      timeOrigin: thread.timeOrigin,
      wake: (target) => options.wake(target, wakeIdOf(shared.id)),
      onUnreached: (server) => options.onUnreached(shared.id, server),
      onEjected: (server, ms) =>
        thread.log.warn(`upstream ${name}: ${server} failed too often, not asked for ${ms} ms`),
      onStderr: (line) => thread.log.warn(`upstream ${name}: ${line}`),
    });
    byId.set(shared.id, upstream);
    return upstream;
  }

  return {
    configure(shared, plan) {
      byName.clear();
      const before = new Set(byId.keys());
      for (const one of shared) {
        const settings = plan.upstreams[one.name];
        if (settings === undefined) continue;
        const upstream = open(one);
        before.delete(one.id);
        byName.set(one.name, upstream);
        upstream.configure(settings, one.servers, {
          readBuffer: options.readBuffer,
          thread: options.thread,
          limits: answerLimits,
          connectMs: plan.timeoutsMs.connect,
          firstByteMs: plan.timeoutsMs.firstByte,
          onBug: (error) =>
            thread.log.error(`a connection to upstream ${one.name} failed: ${describe(error)}`),
        });
      }
      for (const id of before) {
        byId.get(id)?.close();
        byId.delete(id);
      }
    },
    backend: (name) => byName.get(name),
    setServers: (id, servers) => byId.get(id)?.setServers(servers),
    onWake(id) {
      byId.get(-1 - id)?.onWake();
    },
    check(now) {
      for (const upstream of byId.values()) upstream.check(now);
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
