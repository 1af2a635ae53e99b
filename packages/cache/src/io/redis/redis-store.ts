/**
 * The second level of the cache in Redis, shared by every edge on it. Whatever Redis does, nobody
 * waits for it beyond the deadline: when it fails it is left alone, and tried by a loop of this file's
 * own, never by a request, until it answers and all purges made meanwhile are known.
 */
import { randomUUID } from "node:crypto";
import { createCircuit } from "../../core/store/circuit.ts";
import type { ListedRecord } from "../../core/store/listed-record.ts";
import type { Purge } from "../../core/store/purge.ts";
import { describeRedisPlace, type RedisPlace } from "../../core/store/redis-place.ts";
import type {
  Found,
  Lease,
  SharedStore,
  SharedStoreEvents,
} from "../../core/store/shared-store.ts";
import { sharedCacheAway, sharedCacheFull } from "../../errors.ts";
import { createLeaseWaiters } from "../lease-waiters.ts";
import { describeRecord } from "../record-format.ts";
import { createTrouble } from "../trouble.ts";
import { within } from "../within.ts";
import { connectRedis, type RedisConnection, reasonOf } from "./redis-client.ts";
import { createRedisKeys } from "./redis-keys.ts";
import { appendFill, appendPurge, createRedisLog } from "./redis-log.ts";
import { readRecord, removeRecord, writeRecord } from "./redis-records.ts";
import { getOrLeaseScript, leaseScript, releaseScript, runScript } from "./redis-scripts.ts";

export interface RedisStoreOptions {
  readonly place: RedisPlace;
  /** All keys begin with it: "stack:shop". */
  readonly namespace: string;
  readonly events: SharedStoreEvents;
  /** An answer that takes longer is a miss. */
  readonly deadlineMs?: number;
}

const usualDeadlineMs = 50;
const probeMs = 1_000;
const writeMs = 2_000;
/** What waits to be written; beyond it nothing is stored. */
const mostPendingBytes = 32 * 1024 * 1024;
/** Made while Redis was away, to be published later; more become one that purges everything. */
const mostPendingPurges = 1_000;
const publishAgainMs = 1_000;
const listedAtOnce = 200;
const describedBytes = 16 * 1024;
const mostScans = 200;

export function openRedisStore(options: RedisStoreOptions): SharedStore {
  const { place, events, deadlineMs = usualDeadlineMs } = options;
  const keys = createRedisKeys(options.namespace);
  const reads = createCircuit();
  const writes = createCircuit();
  const waiters = createLeaseWaiters();
  const trouble = createTrouble(events);
  let connection: RedisConnection | undefined;
  let pendingPurges: Purge[] = [];
  let isPublishing = false;
  let publishAgain: NodeJS.Timeout | undefined;
  let pendingBytes = 0;
  let writesAgainAt = 0;
  /** Tells its leases from those of others, and each from the next. */
  const owner = randomUUID();
  let leases = 0;
  const counts = { hits: 0, misses: 0, failures: 0 };
  const where = describeRedisPlace(place);
  let closed = false;
  /** What was lost while it was being recovered. */
  let lost: unknown;
  /** Ends the pause between two attempts. */
  let wake = (): void => {};

  const log = createRedisLog({
    keys,
    connect: (onClosed) => connectRedis(place, onClosed),
    onPurge: events.onPurge,
    onFill: waiters.end,
    onLost: leaveAlone,
  });

  reads.open();
  const recovering = { done: recover() };

  function leaveAlone(reason: unknown): void {
    lost ??= reason;
    if (closed || !reads.open()) return;
    connection?.close();
    connection = undefined;
    log.stop();
    waiters.endAll();
    trouble.begin("away", sharedCacheAway({ where, reason: reasonOf(reason) }).report);
    recovering.done = recover();
  }

  async function recover(): Promise<void> {
    while (!closed) {
      try {
        connection?.close();
        lost = undefined;
        connection = await connectRedis(place, leaveAlone);
        const pong = await within(connection.call("PING"), probeMs);
        if (String(pong) !== "PONG") throw new Error("an answer that makes no sense");
        await log.follow();
        await publishPending(connection);
        if (closed) break;
        if (lost !== undefined) throw lost;
        reads.close();
        trouble.end("away");
        return;
      } catch (error) {
        const reason = reasonOf(error);
        if (!closed) trouble.begin("away", sharedCacheAway({ where, reason }, error).report);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, reads.nextPauseMs());
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    connection?.close();
    log.stop();
  }

  async function publishPending({ call }: RedisConnection): Promise<void> {
    while (pendingPurges.length > 0) {
      const [purge] = pendingPurges as [Purge];
      await within(appendPurge(call, keys, purge), probeMs);
      pendingPurges = pendingPurges.filter((one) => one !== purge);
    }
  }

  /** One at a time; what a full Redis does not take is offered again. */
  function flushPurges(): void {
    if (isPublishing || closed || !reads.isClosed() || connection === undefined) return;
    isPublishing = true;
    publishPending(connection)
      .catch((error: unknown) => {
        failWrite(error);
        publishAgain = setTimeout(flushPurges, publishAgainMs);
      })
      .finally(() => {
        isPublishing = false;
      });
  }

  /** What Redis answers in time; undefined when it does not, or is not asked. */
  async function ask<T>(
    work: (call: RedisConnection["call"]) => Promise<T>,
  ): Promise<T | undefined> {
    if (!reads.isClosed() || connection === undefined) return undefined;
    try {
      const answer = await within(work(connection.call), deadlineMs);
      reads.succeeded();
      return answer;
    } catch (error) {
      fail(error);
      return undefined;
    }
  }

  function fail(error: unknown): void {
    counts.failures += 1;
    if (reads.failed()) leaveAlone(error);
  }

  function count(found: boolean): void {
    if (found) counts.hits += 1;
    else counts.misses += 1;
  }

  function nextToken(): string {
    leases += 1;
    return `${owner}:${leases}`;
  }

  function readLease(record: string, token: string, answer: unknown): Lease {
    const [isMine, leftMs] = Array.isArray(answer) ? (answer as unknown[]) : [1];
    if (isMine !== 0 || typeof leftMs !== "number") return { kind: "mine", token };
    return { kind: "theirs", ended: waiters.wait(record, Math.max(leftMs, 1)) };
  }

  /** Without Redis everybody may fill. */
  const unshared: Lease = { kind: "mine", token: "" };

  /** Errors of writing leave reading alone: a full Redis, or a replica, still has what it has. */
  function failWrite(error: unknown): void {
    counts.failures += 1;
    writesAgainAt = performance.now() + writes.nextPauseMs();
    if (!reads.isClosed()) return;
    trouble.begin("writes", sharedCacheFull({ where, reason: reasonOf(error) }, error).report);
  }

  async function write(bytes: number, work: (call: RedisConnection["call"]) => Promise<unknown>) {
    if (!reads.isClosed() || connection === undefined) return;
    if (performance.now() < writesAgainAt || pendingBytes + bytes > mostPendingBytes) return;
    pendingBytes += bytes;
    try {
      await within(work(connection.call), writeMs);
      writes.close();
      trouble.end("writes");
    } catch (error) {
      failWrite(error);
    } finally {
      pendingBytes -= bytes;
    }
  }

  return {
    name: "redis",

    async get(key) {
      const record = keys.record(key);
      const found = await ask(async (call) =>
        readRecord(call, keys, record, key, await call("GET", record)),
      );
      count(found !== undefined);
      return found;
    },

    async getOrLease(key, leaseMs): Promise<Found> {
      const record = keys.record(key);
      const token = nextToken();
      const answer = await ask(async (call) => {
        const names = [record, keys.lease(record)];
        const first = await runScript(call, getOrLeaseScript, names, [token, leaseMs]);
        if (Array.isArray(first)) return readLease(record, token, first);
        return readRecord(call, keys, record, key, first);
      });
      if (answer === undefined || "kind" in answer) {
        count(false);
        return answer ?? unshared;
      }
      count(true);
      return { kind: "record", record: answer };
    },

    async acquireLease(key, leaseMs) {
      const record = keys.record(key);
      const token = nextToken();
      const names = [keys.lease(record)];
      const answer = await ask((call) => runScript(call, leaseScript, names, [token, leaseMs]));
      return answer === undefined ? unshared : readLease(record, token, answer);
    },

    releaseLease(key, token) {
      if (token === "") return;
      const record = keys.record(key);
      waiters.end(record);
      void ask(async (call) => {
        const waited = await runScript(call, releaseScript, [keys.lease(record)], [token]);
        if (waited === 1) await appendFill(call, keys, record);
      });
    },

    async set(key, record) {
      const ttlMs = Math.ceil(record.keepUntil - Date.now());
      if (ttlMs <= 0) return;
      const bytes = record.body.length + record.meta.length;
      const name = keys.record(key);
      await write(bytes, (call) => writeRecord(call, keys, name, key, record, ttlMs));
    },

    async delete(key) {
      await write(0, (call) => removeRecord(call, keys, keys.record(key)));
    },

    async list(from = "0 0") {
      const [server = "0", cursor = "0"] = from.split(" ");
      const servers = connection?.servers() ?? [];
      const call = servers[Number(server)];
      if (call === undefined || !reads.isClosed()) return { records: [], next: undefined };
      try {
        const [next, names] = await scan(call, cursor);
        const heads = await within(
          Promise.all(names.map((name) => call("GETRANGE", name, 0, describedBytes - 1))),
          writeMs,
        );
        const records = heads
          .map((head) => (Buffer.isBuffer(head) ? describeRecord(head) : undefined))
          .filter((one): one is ListedRecord => one !== undefined);
        if (next !== "0") return { records, next: `${server} ${next}` };
        const isLast = Number(server) + 1 >= servers.length;
        return { records, next: isLast ? undefined : `${Number(server) + 1} 0` };
      } catch (error) {
        fail(error);
        return { records: [], next: undefined };
      }
    },

    async stats() {
      let records = 0;
      let bytes = 0;
      for (const call of reads.isClosed() ? (connection?.servers() ?? []) : []) {
        try {
          records += await countRecords(call);
          bytes += usedMemory(await within(call("INFO", "memory"), writeMs));
        } catch {
          // what it does not tell is not counted
        }
      }
      return { name: "redis", available: reads.isClosed(), records, bytes, ...counts };
    },

    publishPurge(purge) {
      pendingPurges.push(purge);
      if (pendingPurges.length > mostPendingPurges) {
        pendingPurges = [{ target: { kind: "all" }, soft: false, atMs: purge.atMs }];
      }
      flushPurges();
    },

    async close() {
      closed = true;
      clearTimeout(publishAgain);
      waiters.endAll();
      wake();
      await recovering.done;
      connection?.close();
      log.stop();
    },
  };

  async function scan(call: RedisConnection["call"], cursor: string): Promise<[string, string[]]> {
    const answer = await within(
      call("SCAN", cursor, "MATCH", keys.pattern, "COUNT", listedAtOnce),
      writeMs,
    );
    const [next, names] = answer as [Buffer, Buffer[]];
    return [String(next), names.map(String).filter(keys.isRecord)];
  }

  async function countRecords(call: RedisConnection["call"]): Promise<number> {
    let records = 0;
    let cursor = "0";
    for (let scans = 0; scans < mostScans; scans += 1) {
      const [next, names] = await scan(call, cursor);
      records += names.length;
      if (next === "0") break;
      cursor = next;
    }
    return records;
  }
}

function usedMemory(info: unknown): number {
  return Number(/^used_memory:(\d+)/m.exec(String(info))?.[1] ?? 0);
}
