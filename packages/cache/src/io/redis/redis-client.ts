/**
 * One connection to Redis, wherever that is. It does not reconnect by itself: who uses it opens
 * another, with an empty queue, and asks the Sentinels anew.
 */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { Cluster, Redis } from "ioredis";
import type { RedisPlace } from "../../core/store/redis-place.ts";
import { within } from "../within.ts";

export interface RedisConnection {
  /** Sends one command; answers are Buffers, numbers, null and lists of these. Rejects with what Redis says. */
  readonly call: (
    command: string,
    ...args: readonly (string | number | Buffer)[]
  ) => Promise<unknown>;
  /** One `call` per server that has keys. */
  readonly servers: () => readonly RedisConnection["call"][];
  readonly close: () => void;
}

const connectMs = 2_000;

/** Rejects with the reason when there is no connection in time. */
export async function connectRedis(
  place: RedisPlace,
  onClosed: (reason: string) => void,
): Promise<RedisConnection> {
  // Only now: every thread of the edge knows this module, and few have a Redis.
  const library = await import("ioredis");
  const client = createClient(library, place);
  let reason = "";
  client.on("error", (error: Error) => {
    reason = reasonOf(error);
  });
  try {
    await within(client.connect(), connectMs);
  } catch (error) {
    client.disconnect();
    throw new Error(reason === "" ? reasonOf(error) : reason, { cause: error });
  }
  client.once("end", () => onClosed(reason === "" ? "the connection was closed" : reason));
  const callOf = (one: Redis | Cluster): RedisConnection["call"] => {
    const gather = one instanceof library.Redis ? gatherWrites(one) : () => {};
    return (command, ...args) => {
      gather();
      return one.callBuffer(command, ...args);
    };
  };
  return {
    call: callOf(client),
    servers: () =>
      client instanceof library.Cluster ? client.nodes("master").map(callOf) : [callOf(client)],
    close() {
      client.removeAllListeners("end");
      client.disconnect();
    },
  };
}

/** What is asked in one turn of the event loop leaves in one write, and wakes Redis once. */
function gatherWrites(one: Redis): () => void {
  let isGathering = false;
  return () => {
    const { stream } = one;
    if (isGathering || stream === undefined) return;
    isGathering = true;
    stream.cork();
    setImmediate(() => {
      isGathering = false;
      stream.uncork();
    });
  };
}

/** For people: without addresses of our own code. */
export function reasonOf(error: unknown): string {
  const { message = String(error), code } = error as { message?: string; code?: string };
  return message === "" && code !== undefined ? code : message;
}

function createClient(
  library: Pick<typeof import("ioredis"), "Cluster" | "Redis">,
  place: RedisPlace,
): Redis | Cluster {
  const access = {
    username: place.username,
    password: place.password,
    ...(place.tls === undefined ? {} : { tls: readTls(place.tls) }),
    protocol: 2,
    connectTimeout: connectMs,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  } as const;
  const single = {
    ...access,
    db: place.database,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  };
  switch (place.kind) {
    case "single":
      return new library.Redis({ ...single, ...place.server });
    case "sentinel":
      return new library.Redis({
        ...single,
        sentinels: [...place.hosts],
        name: place.master,
        sentinelRetryStrategy: () => null,
      });
    case "cluster":
      return new library.Cluster([...place.hosts], {
        redisOptions: access,
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: () => null,
      });
  }
}

function readTls(tls: NonNullable<RedisPlace["tls"]>): ConnectionOptions {
  const options: ConnectionOptions = {};
  if (tls.ca !== undefined) options.ca = readFileSync(tls.ca);
  if (tls.cert !== undefined) options.cert = readFileSync(tls.cert);
  if (tls.key !== undefined) options.key = readFileSync(tls.key);
  if (tls.servername !== undefined) options.servername = tls.servername;
  return options;
}
