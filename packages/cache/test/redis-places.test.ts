/** Ways to a Redis: password, TLS, a cluster, Sentinels; all real. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, freePort, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { available, openReadyRedis, openRedis } from "./fixtures/open-redis.ts";
import { noise, record } from "./fixtures/records.ts";
import { startRedisServer } from "./fixtures/redis-server.ts";

test("a password is given, a wrong one is said", async () => {
  await using server = await startRedisServer({ password: "s3:cret" });
  await using right = await openReadyRedis(`redis://:s3%3Acret@127.0.0.1:${server.port}/2`);
  await right.store.set("k", record("1"));
  expect((await right.store.get("k"))?.body.toString()).toBe("1");
  await using wrong = openRedis(`redis://:guess@127.0.0.1:${server.port}`);
  await using none = openRedis(server.address);
  await eventually("both to be refused", () => wrong.said.length > 0 && none.said.length > 0);
  expect(wrong.said[0]).toMatch(/WRONGPASS/);
  expect(none.said[0]).toMatch(/NOAUTH/);
  expect(wrong.said[0]).not.toContain("guess");
});

test("TLS is spoken, and a server that cannot be trusted is not", async () => {
  using folder = tempFolder();
  const [key, certificate] = [join(folder.path, "key.pem"), join(folder.path, "cert.pem")];
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=cache"],
    ...["-addext", "subjectAltName=DNS:cache,IP:127.0.0.1"],
  ]);
  const tlsPort = await freePort();
  const files = ["--tls-cert-file", certificate, "--tls-key-file", key];
  await using _server = await startRedisServer({
    args: ["--tls-port", String(tlsPort), ...files, "--tls-auth-clients", "no"],
  });
  const address = `rediss://127.0.0.1:${tlsPort}/0`;
  await using trusted = await openReadyRedis(`${address}?ca=${certificate}&servername=cache`);
  await trusted.store.set("k", record(noise(700_000, 5)));
  expect((await trusted.store.get("k"))?.body.equals(noise(700_000, 5))).toBe(true);
  await using doubted = openRedis(address);
  await eventually("the doubt", () => doubted.said.length > 0);
  expect(doubted.said[0]).toMatch(/self-signed/);
});

test("a cluster holds records, leases and purges", async () => {
  await using server = await startRedisServer({
    args: ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"],
  });
  const redis = server.client();
  await redis.cluster("ADDSLOTSRANGE", 0, 16_383);
  await eventually("the cluster", async () =>
    String(await redis.cluster("INFO")).includes("cluster_state:ok"),
  );
  const address = `redis+cluster://127.0.0.1:${server.port}`;
  await using here = await openReadyRedis(address);
  await using there = await openReadyRedis(address);
  await here.store.set("small", record("1"));
  await here.store.set("large", record(noise(700_000, 5)));
  expect((await there.store.get("small"))?.body.toString()).toBe("1");
  expect((await there.store.get("large"))?.body.equals(noise(700_000, 5))).toBe(true);
  expect((await there.store.list()).records).toHaveLength(2);
  const mine = await here.store.getOrLease("k", 600_000);
  const theirs = await there.store.getOrLease("k", 600_000);
  if (mine.kind !== "mine" || theirs.kind !== "theirs") throw new Error("both may fill");
  here.store.releaseLease("k", mine.token);
  await theirs.ended;
  here.store.publishPurge({ target: { kind: "tag", tag: "t" }, soft: false, atMs: 77 });
  await eventually("the purge", () => there.purges.some(({ atMs }) => atMs === 77));
  await here.store.delete("large");
  expect(await there.store.get("large")).toBeUndefined();
  await server.kill();
  expect(await here.store.get("small")).toBeUndefined();
  await available(here.store, false);
});

test("Sentinels are asked for the master, and again when it is another", async () => {
  await using master = await startRedisServer();
  const args = ["--replicaof", `127.0.0.1 ${master.port}`, "--repl-diskless-sync-delay", "0"];
  await using replica = await startRedisServer({ args });
  const look = replica.client();
  await eventually(
    "the replica to follow",
    async () => (await look.info("replication")).includes("master_link_status:up"),
    30_000,
  );
  using folder = tempFolder();
  const port = await freePort();
  const config = join(folder.path, "sentinel.conf");
  writeFileSync(
    config,
    `port ${port}\nbind 127.0.0.1\ndir ${folder.path}\n` +
      `sentinel monitor shop 127.0.0.1 ${master.port} 1\n` +
      "sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 5000\n",
  );
  const sentinel = spawn("redis-server", [config, "--sentinel"], { stdio: "ignore" });
  try {
    await using opened = openRedis(`redis+sentinel://127.0.0.1:${port}/shop/0`);
    await available(opened.store);
    await opened.store.set("k", record("1"));
    await eventually("the replica to have it", async () => (await look.dbsize()) > 1, 30_000);
    await eventually(
      "the Sentinel to know the replica",
      () =>
        execFileSync("redis-cli", ["-p", String(port), "sentinel", "replicas", "shop"])
          .toString()
          .includes(String(replica.port)),
      30_000,
    );
    await master.kill();
    await eventually(
      "the new master to be written to",
      async () => {
        await opened.store.set("k", record("2"));
        return (await opened.store.get("k"))?.body.toString() === "2";
      },
      60_000,
    );
  } finally {
    const ended = once(sentinel, "exit");
    sentinel.kill("SIGKILL");
    await ended;
  }
}, 120_000);
