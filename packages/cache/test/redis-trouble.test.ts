/** Whatever happens to Redis costs no request: real servers, killed, stopped, full, and others. */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { available, openReadyRedis, openRedis } from "./fixtures/open-redis.ts";
import { noise, record } from "./fixtures/records.ts";
import { startRedisServer } from "./fixtures/redis-server.ts";

test("a Redis that dies is missed by nobody, said once, and used again", async () => {
  await using server = await startRedisServer();
  await using opened = await openReadyRedis(server.address);
  const { store, said } = opened;
  await store.set("k", record("1"));
  await server.kill();
  expect(await Promise.all(Array.from({ length: 50 }, () => store.get("k")))).toEqual(
    Array.from({ length: 50 }, () => undefined),
  );
  await store.set("k", record("2"));
  expect((await store.getOrLease("k", 1_000)).kind).toBe("mine");
  await eventually("the trouble", () => said.length > 0);
  await server.start();
  await eventually("the recovery", () => said.includes("well"));
  await store.set("k", record("3"));
  expect((await store.get("k"))?.body.toString()).toBe("3");
  expect(said).toHaveLength(2);
  expect(said[0]).toMatch(/^E2301 Redis does not answer/);
});

test("a Redis that is stopped delays a request by the deadline, then none, and is used again", async () => {
  await using server = await startRedisServer();
  await using opened = await openReadyRedis(server.address, { deadlineMs: 50 });
  const { store, said } = opened;
  // On a busy machine it may be late, and left alone for a moment.
  await eventually("a hit", async () => {
    await store.set("k", record("1"));
    return (await store.get("k")) !== undefined;
  });
  server.signal("SIGSTOP");
  const found = await Promise.all(Array.from({ length: 20 }, () => store.get("k")));
  expect(found.every((one) => one === undefined)).toBe(true);
  await available(store, false);
  const { failures } = await store.stats();
  await Promise.all(Array.from({ length: 500 }, () => store.get("k")));
  expect((await store.stats()).failures).toBe(failures); // not asked any more
  server.signal("SIGCONT");
  await eventually("the same record", async () => (await store.get("k")) !== undefined, 30_000);
  expect(said[0]).toMatch(/no answer in/);
});

test("waiters of a Redis that dies go on at once", async () => {
  await using server = await startRedisServer();
  await using here = await openReadyRedis(server.address);
  await using there = await openReadyRedis(server.address);
  await here.store.acquireLease("k", 600_000);
  const lease = await there.store.acquireLease("k", 600_000);
  if (lease.kind !== "theirs") throw new Error("both may fill");
  await server.kill();
  await lease.ended;
});

test("a full Redis serves what it has, and is written to again when there is room", async () => {
  await using server = await startRedisServer();
  await using opened = await openReadyRedis(server.address);
  const { store, said } = opened;
  await store.set("k", record("1"));
  const redis = server.client();
  await redis.config("SET", "maxmemory-policy", "noeviction");
  await redis.config("SET", "maxmemory", "1mb");
  await eventually("it to be full", async () => {
    await store.set("large", record(noise(200_000, 1)));
    return said.length > 0;
  });
  expect(said[0]).toMatch(/^E2301 Redis stores nothing new.*OOM/);
  expect((await store.get("k"))?.body.toString()).toBe("1");
  expect((await store.getOrLease("other", 1_000)).kind).toBe("mine");
  await using other = await openReadyRedis(server.address);
  store.publishPurge({ target: { kind: "tag", tag: "t" }, soft: false, atMs: 77 });
  await redis.config("SET", "maxmemory", "100mb");
  await eventually("the purge", () => other.purges.some(({ atMs }) => atMs === 77));
  await eventually("it to be written to", async () => {
    await store.set("large", record(noise(200_000, 1)));
    return (await store.get("large")) !== undefined;
  });
  expect(said.at(-1)).toBe("well");
});

test("one that is full from the start can be used as far as it can", async () => {
  const args = ["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"];
  await using server = await startRedisServer({ args });
  await using opened = await openReadyRedis(server.address);
  await opened.store.set("k", record(noise(200_000, 1)));
  expect(await opened.store.get("k")).toBeUndefined();
  expect((await opened.store.getOrLease("k", 1_000)).kind).toBe("mine");
});

test("a read-only replica serves what its master has", async () => {
  await using master = await startRedisServer();
  await using writer = await openReadyRedis(master.address);
  await writer.store.set("k", record("of the master"));
  const args = ["--replicaof", `127.0.0.1 ${master.port}`];
  await using replica = await startRedisServer({ args });
  const look = replica.client();
  await eventually("replication", async () => (await look.dbsize()) > 1, 30_000);
  await using reader = await openReadyRedis(replica.address);
  expect((await reader.store.get("k"))?.body.toString()).toBe("of the master");
  await reader.store.set("k", record("of nobody"));
  expect((await reader.store.get("k"))?.body.toString()).toBe("of the master");
  expect((await reader.store.getOrLease("other", 1_000)).kind).toBe("mine");
  expect(reader.said[0]).toMatch(/READONLY/);
});

test("a purge on the master reaches the edge on its replica", async () => {
  await using master = await startRedisServer();
  await using writer = await openReadyRedis(master.address);
  const args = ["--replicaof", `127.0.0.1 ${master.port}`];
  await using replica = await startRedisServer({ args });
  await using reader = await openReadyRedis(replica.address);
  writer.store.publishPurge({ target: { kind: "tag", tag: "t" }, soft: false, atMs: 77 });
  await eventually("the purge", () => reader.purges.some(({ atMs }) => atMs === 77), 30_000);
});

/** Says the same whatever it is asked. */
async function startFake(answer: string) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => {
      if (answer !== "") socket.write(answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    address: `redis://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test.for([
  ["nothing", ""],
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"],
  ["always OK", "+OK\r\n"],
  ["always a number", ":1\r\n"],
  ["half an answer", "$10\r\nabc"],
  ["an endless length", "$999999999999\r\n"],
])("a server that answers %s costs no request", async ([, answer]) => {
  await using fake = await startFake(answer as string);
  await using opened = openRedis(fake.address, { deadlineMs: 50 });
  const { store, said } = opened;
  for (let round = 0; round < 20; round += 1) {
    expect(await store.get("k")).toBeUndefined();
    expect((await store.getOrLease("k", 1_000)).kind).toBe("mine");
    await store.set("k", record("1"));
  }
  await eventually("the trouble", () => said.length > 0);
  expect(said.filter((one) => one.startsWith("E2301"))).toHaveLength(1);
});

test("a Redis that begins to answer with other types is left alone", async () => {
  await using server = await startRedisServer();
  await using opened = await openReadyRedis(server.address);
  const { store } = opened;
  await store.set("k", record("1"));
  const redis = server.client();
  const [name = ""] = (await redis.keys("*")).filter((one) => !one.includes("{log}"));
  await redis.set(name, "not a record");
  expect(await store.get("k")).toBeUndefined();
  expect((await store.stats()).available).toBe(true);
  await redis.del(name);
  await redis.lpush(name, "a list");
  for (let round = 0; round < 3; round += 1) expect(await store.get("k")).toBeUndefined();
  await eventually("the trouble", () => opened.said.length > 0);
  expect(opened.said[0]).toMatch(/WRONGTYPE/);
  await available(store);
});
