/** What edges on one Redis share beside records: purges and leases. */
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import type { Purge } from "../src/index.ts";
import { openReadyRedis } from "./fixtures/open-redis.ts";
import { noise, record } from "./fixtures/records.ts";
import { startRedisServer } from "./fixtures/redis-server.ts";

const newsPurge: Purge = { target: { kind: "tag", tag: "news" }, soft: true, atMs: 1_234 };

test("a purge reaches every edge on the same Redis, and one that comes later", async () => {
  await using server = await startRedisServer();
  await using here = await openReadyRedis(server.address);
  await using there = await openReadyRedis(server.address);
  here.store.publishPurge(newsPurge);
  await eventually("the purge", () => there.purges.some((one) => one.atMs === newsPurge.atMs));
  await using later = await openReadyRedis(server.address);
  expect(later.purges).toContainEqual(newsPurge);
  expect(there.purges).toContainEqual(newsPurge);
  // That nothing was known before the log began is nobody's purge.
  for (const { made } of [here, there, later]) expect(made).toEqual([newsPurge]);
});

test("an edge whose place in the log is gone takes everything until then for purged", async () => {
  await using server = await startRedisServer();
  await using opened = await openReadyRedis(server.address);
  const before = Date.now();
  await server.kill();
  await eventually("the trouble", () => opened.said.length === 1);
  await server.start(); // empty: it keeps nothing
  await eventually("the recovery", () => opened.said.includes("well"));
  const all = opened.purges.filter(({ target }) => target.kind === "all");
  expect(all.at(-1)?.atMs).toBeGreaterThanOrEqual(before);
  expect(all.at(-1)?.soft).toBe(false);
});

test("purges made while Redis was away are published when it is back", async () => {
  await using server = await startRedisServer();
  await using here = await openReadyRedis(server.address);
  await server.kill();
  await eventually("the trouble", () => here.said.length === 1);
  here.store.publishPurge(newsPurge);
  await server.start();
  await eventually("the recovery", () => here.said.includes("well"));
  await using later = await openReadyRedis(server.address);
  expect(later.purges).toContainEqual(newsPurge);
});

test("one fills, the others wait until it is done", async () => {
  await using server = await startRedisServer();
  await using here = await openReadyRedis(server.address);
  await using there = await openReadyRedis(server.address);
  const mine = await here.store.getOrLease("k", 60_000);
  const theirs = await there.store.getOrLease("k", 60_000);
  if (mine.kind !== "mine" || theirs.kind !== "theirs") throw new Error("both may fill");
  expect((await there.store.acquireLease("k", 60_000)).kind).toBe("theirs");
  await here.store.set("k", record("filled"));
  here.store.releaseLease("k", mine.token);
  await theirs.ended;
  const found = await there.store.getOrLease("k", 60_000);
  expect(found.kind === "record" && found.record.body.toString()).toBe("filled");
});

test("who waits for one that died goes on when its lease is over", async () => {
  await using server = await startRedisServer();
  await using there = await openReadyRedis(server.address);
  {
    await using here = await openReadyRedis(server.address);
    expect((await here.store.acquireLease("k", 300)).kind).toBe("mine");
  }
  for (;;) {
    const lease = await there.store.acquireLease("k", 60_000);
    if (lease.kind === "mine") break;
    await lease.ended;
  }
});

test("a lease is given back by the one who has it only", async () => {
  await using server = await startRedisServer();
  await using here = await openReadyRedis(server.address);
  expect((await here.store.acquireLease("k", 60_000)).kind).toBe("mine");
  here.store.releaseLease("k", "somebody else's");
  expect((await here.store.acquireLease("k", 60_000)).kind).toBe("theirs");
});

test("a large body of which a part is lost, or of another writing, is a miss", async () => {
  await using server = await startRedisServer();
  await using here = await openReadyRedis(server.address);
  const redis = server.client();
  await here.store.set("k", record(noise(900_000, 1)));
  const [chunk = ""] = await redis.keys("*:c1");
  const old = await redis.getBuffer(chunk);
  await here.store.set("k", record(noise(900_000, 2)));
  expect((await here.store.get("k"))?.body.equals(noise(900_000, 2))).toBe(true);
  await redis.set(chunk, old ?? "");
  expect(await here.store.get("k")).toBeUndefined();
  await redis.del(chunk);
  expect(await here.store.get("k")).toBeUndefined();
});

test("everything it keeps is in its namespace and has a time to live", async () => {
  await using server = await startRedisServer();
  await using here = await openReadyRedis(server.address, { namespace: "stack:shop*" });
  await using other = await openReadyRedis(server.address, { namespace: "stack:shopping" });
  await here.store.set("small", record("1"));
  await here.store.set("large", record(noise(600_000, 3)));
  await here.store.acquireLease("k", 60_000);
  const redis = server.client();
  const names = (await redis.keys("*")).filter((name) => !name.includes("{log}"));
  expect(names.length).toBe(6);
  expect(names.every((name) => name.startsWith("stack:shop*:1:"))).toBe(true);
  for (const name of names) expect(await redis.pttl(name)).toBeGreaterThan(0);
  expect((await here.store.list()).records).toHaveLength(2);
  expect((await other.store.list()).records).toHaveLength(0);
  expect(await other.store.get("small")).toBeUndefined();
});
