/**
 * The two logs in Redis that every edge follows: purges, and leases that were given back. They are
 * streams: who was away reads on from where it was, and who comes new reads what is there. Where it
 * cannot be known what was missed (the log was cut, or lost) everything stored until then counts as
 * purged.
 */

import type { Purge } from "../../core/store/purge.ts";
import { formatPurge, parsePurge } from "../../core/store/purge-text.ts";
import type { SharedStoreEvents } from "../../core/store/shared-store.ts";
import { within } from "../within.ts";
import type { RedisConnection } from "./redis-client.ts";
import type { RedisKeys } from "./redis-keys.ts";

/** Purges remembered. Who comes new takes what was stored before the oldest of them for purged. */
const keptPurges = 10_000;
const keptFills = 1_000;
const readAtOnce = 1_000;
const blockMs = 2_000;
const answerMs = 2_000;
const noEntry = "0-0";

export interface RedisLogOptions {
  readonly keys: RedisKeys;
  /** A connection of the log's own: it blocks. */
  readonly connect: (onClosed: (reason: string) => void) => Promise<RedisConnection>;
  readonly onPurge: SharedStoreEvents["onPurge"];
  readonly onFill: (record: string) => void;
  /** It no longer follows. */
  readonly onLost: (reason: unknown) => void;
}

export interface RedisLog {
  /** Resolves when all that happened is known; from then on it follows. */
  readonly follow: () => Promise<void>;
  readonly stop: () => void;
}

export function appendPurge(
  call: RedisConnection["call"],
  keys: RedisKeys,
  purge: Purge,
): Promise<unknown> {
  return call("XADD", keys.purges, "MAXLEN", "~", keptPurges, "*", "p", formatPurge(purge));
}

export function appendFill(
  call: RedisConnection["call"],
  keys: RedisKeys,
  record: string,
): Promise<unknown> {
  return call("XADD", keys.fills, "MAXLEN", "~", keptFills, "*", "k", record);
}

export function createRedisLog(options: RedisLogOptions): RedisLog {
  const { keys } = options;
  let lastPurge = "";
  let lastFill = noEntry;
  let current: RedisConnection | undefined;

  const everything = (atMs: number): Purge => ({ target: { kind: "all" }, soft: false, atMs });

  function take(entries: readonly LogEntry[]): void {
    for (const { id, text } of entries) {
      options.onPurge(parsePurge(text, Date.now()));
      lastPurge = id;
    }
  }

  async function readOn({ call }: RedisConnection): Promise<void> {
    for (;;) {
      const entries = readEntries(
        await ask(call("XRANGE", keys.purges, `(${lastPurge}`, "+", "COUNT", readAtOnce)),
      );
      take(entries);
      if (entries.length < readAtOnce) return;
    }
  }

  async function readFromStart(connection: RedisConnection): Promise<void> {
    const { call } = connection;
    const first = readEntries(await ask(call("XRANGE", keys.purges, "-", "+", "COUNT", 1)))[0];
    if (first !== undefined) {
      const { target, atMs } = parsePurge(first.text, Date.now());
      options.onPurge(everything(atMs), true);
      // A log begins with a purge of everything (below), or has lost its beginning.
      if (target.kind === "all") lastPurge = first.id;
      else take([first]);
      await readOn(connection);
      return;
    }
    const start = everything(Date.now());
    options.onPurge(start, true);
    try {
      lastPurge = String(await ask(appendPurge(call, keys, start)));
    } catch {
      lastPurge = noEntry; // full or read-only: it may be begun by somebody else
    }
  }

  async function catchUp(connection: RedisConnection): Promise<void> {
    const { call } = connection;
    const lastEntry = readEntries(
      await ask(call("XREVRANGE", keys.fills, "+", "-", "COUNT", 1)),
    )[0];
    lastFill = lastEntry?.id ?? noEntry;
    if (lastPurge === "") return readFromStart(connection);
    const known = readEntries(await ask(call("XRANGE", keys.purges, lastPurge, lastPurge)));
    if (known.length === 1) return readOn(connection);
    options.onPurge(everything(Date.now()), true);
    return readFromStart(connection);
  }

  async function follow(connection: RedisConnection): Promise<void> {
    while (current === connection) {
      const command = ["BLOCK", blockMs, "STREAMS", keys.purges, keys.fills, lastPurge, lastFill];
      const answer = await within(connection.call("XREAD", ...command), blockMs + answerMs);
      for (const [name, entries] of readStreams(answer)) {
        if (name === keys.purges) take(entries);
        else {
          for (const { id, text } of entries) {
            options.onFill(text);
            lastFill = id;
          }
        }
      }
    }
  }

  function lose(connection: RedisConnection, reason: unknown): void {
    if (current !== connection) return;
    stop();
    options.onLost(reason);
  }

  function stop(): void {
    current?.close();
    current = undefined;
  }

  return {
    async follow() {
      stop();
      const connection: RedisConnection = await options.connect((reason) =>
        lose(connection, reason),
      );
      current = connection;
      try {
        await catchUp(connection);
      } catch (error) {
        if (current === connection) stop();
        throw error;
      }
      follow(connection).catch((error: unknown) => lose(connection, error));
    },
    stop,
  };
}

interface LogEntry {
  readonly id: string;
  readonly text: string;
}

function ask(answer: Promise<unknown>): Promise<unknown> {
  return within(answer, answerMs);
}

function readEntries(answer: unknown): readonly LogEntry[] {
  return listOf(answer).map((entry) => {
    const [id, fields] = listOf(entry);
    return { id: String(id), text: String(listOf(fields)[1]) };
  });
}

function readStreams(answer: unknown): readonly (readonly [string, readonly LogEntry[]])[] {
  if (answer === null) return [];
  return listOf(answer).map((stream) => {
    const [name, entries] = listOf(stream);
    return [String(name), readEntries(entries)];
  });
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("an answer that makes no sense");
  return value;
}
