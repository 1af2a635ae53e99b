/** The embedded store: kept over restarts, bounded, mended; real files, a real full disk. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import {
  type EmbeddedStore,
  openEmbeddedStore,
  type Purge,
  type SharedStore,
  startEmbeddedThread,
} from "../src/index.ts";
import { noise, record } from "./fixtures/records.ts";

interface Opened extends AsyncDisposable {
  readonly store: SharedStore;
  readonly purges: readonly Purge[];
  readonly said: readonly string[];
  readonly another: () => SharedStore;
  /** Its thread meets something that it cannot bear. */
  readonly break: () => void;
}

function open(folder: string, bytes = 8 * 1024 * 1024): Opened {
  const said: string[] = [];
  const purges: Purge[] = [];
  const stores: EmbeddedStore[] = [];
  const thread = startEmbeddedThread(
    { folder, bytes },
    {
      onTrouble: (error) => said.push(`${error.code} ${error.title}`),
      onRecovered: () => said.push("well"),
      onRestart() {
        for (const store of stores) store.attach(thread.connect());
      },
    },
  );
  const another = (): EmbeddedStore => {
    const store = openEmbeddedStore({
      port: thread.connect(),
      onPurge: (purge) => purges.push(purge),
      deadlineMs: 10_000,
    });
    stores.push(store);
    return store;
  };
  return {
    store: another(),
    purges,
    said,
    another,
    break: () => thread.connect().postMessage(null),
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close();
      await thread.close();
    },
  };
}

const newsPurge: Purge = { target: { kind: "tag", tag: "news" }, soft: false, atMs: 1_234 };

test("records and purges are kept over a restart", async () => {
  using folder = tempFolder();
  {
    await using first = open(folder.path);
    await first.store.set("k", record("kept", { tags: ["news"] }));
    first.store.publishPurge(newsPurge);
    expect((await first.store.stats()).records).toBe(1);
  }
  await using second = open(folder.path);
  expect((await second.store.get("k"))?.body.toString()).toBe("kept");
  expect(second.purges).toContainEqual(newsPurge);
});

test("a thread that ends by a fault is followed by another, and nothing waits meanwhile", async () => {
  using folder = tempFolder();
  const opened = open(folder.path);
  {
    await using first = opened;
    await first.store.set("k", record("kept"));
    await first.store.set("held", record("held", { tags: ["news"] }));
    const lease = await first.store.acquireLease("new", 600_000);
    expect(lease.kind).toBe("mine");
    const other = await first.another().acquireLease("new", 600_000);
    if (other.kind !== "theirs") throw new Error("one lease was given twice");

    first.break();
    await other.ended; // at once, not after ten minutes
    await eventually("word of it", () => first.said.some((line) => line.startsWith("E2405")));
    first.store.publishPurge(newsPurge);
    expect(await first.store.get("k")).toBeUndefined();
    await eventually("the next thread", () => first.said.at(-1) === "well");
    expect((await first.store.get("k"))?.body.toString()).toBe("kept");
    await eventually("the purge to be written", () => first.purges.length >= 2);
  }
  await using second = open(folder.path);
  await second.store.get("k");
  expect(second.purges).toContainEqual(newsPurge);
});

test("what one thread stores another finds, and two edges share a file", async () => {
  using folder = tempFolder();
  await using one = open(folder.path);
  await using two = open(folder.path);
  const thread = one.another();
  await one.store.set("k", record("shared"));
  expect((await thread.get("k"))?.body.toString()).toBe("shared");
  expect((await two.store.get("k"))?.body.toString()).toBe("shared");
  one.store.publishPurge(newsPurge);
  await eventually("the purge", () => two.purges.some(({ atMs }) => atMs === newsPurge.atMs));
});

test("one fills, the others wait until it is done, or dead", async () => {
  using folder = tempFolder();
  await using opened = open(folder.path);
  const other = opened.another();
  const mine = await opened.store.getOrLease("k", 600_000);
  const theirs = await other.getOrLease("k", 600_000);
  if (mine.kind !== "mine" || theirs.kind !== "theirs") throw new Error("both may fill");
  opened.store.releaseLease("k", mine.token);
  await theirs.ended;
  const dying = opened.another();
  expect((await dying.acquireLease("k", 600_000)).kind).toBe("mine");
  const waiting = await other.acquireLease("k", 600_000);
  if (waiting.kind !== "theirs") throw new Error("both may fill");
  await dying.close();
  await waiting.ended;
  expect((await other.acquireLease("k", 600_000)).kind).toBe("mine");
});

test("it stays within its bound; what was used last stays", async () => {
  using folder = tempFolder();
  const bytes = 2 * 1024 * 1024;
  await using opened = open(folder.path, bytes);
  for (let index = 0; index < 300; index += 1) {
    await opened.store.set(`k${index}`, record(noise(40_000, index)));
  }
  expect((await opened.store.stats()).bytes).toBeLessThanOrEqual(bytes);
  expect(statSync(join(folder.path, "cache.sqlite")).size).toBeLessThanOrEqual(bytes * 1.25);
  expect((await opened.store.get("k299"))?.body.equals(noise(40_000, 299))).toBe(true);
  expect(await opened.store.get("k0")).toBeUndefined();
  expect(opened.said).toEqual([]);
});

const damages: readonly (readonly [string, (path: string) => void])[] = [
  ["is not one of SQLite's", (path) => writeFileSync(path, "this is no database".repeat(1_000))],
  ["was cut", (path) => truncateSync(path, 9_000)],
];

test.for(damages)("a file that %s is moved aside, and another begun", async ([, damage]) => {
  using folder = tempFolder();
  const path = join(folder.path, "cache.sqlite");
  {
    await using first = open(folder.path);
    for (let index = 0; index < 50; index += 1) {
      await first.store.set(`k${index}`, record(noise(20_000, index)));
    }
    await first.store.stats();
  }
  damage(path);
  await using second = open(folder.path);
  for (let index = 0; index < 50; index += 1) {
    const found = await second.store.get(`k${index}`);
    expect(found === undefined || found.body.equals(noise(20_000, index))).toBe(true);
  }
  await second.store.set("new", record("1"));
  await second.store.set("new", record("2"));
  expect((await second.store.get("new"))?.body.toString()).toBe("2");
  expect(second.said[0]).toMatch(/^E2404/);
  expect(existsSync(`${path}.damaged`)).toBe(true);
});

test("a record that is not what was stored is not served", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "cache.sqlite");
  {
    await using first = open(folder.path);
    await first.store.set("k", record("hello"));
    await first.store.stats();
  }
  const database = new DatabaseSync(path);
  database.exec(
    "UPDATE contents SET value = CAST(replace(CAST(value AS TEXT), 'x', 'x') || '!' AS BLOB)",
  );
  database.close();
  await using second = open(folder.path);
  expect(await second.store.get("k")).toBeUndefined();
  // On a busy machine its answer may have come too late to be waited for.
  await eventually("it to be noticed", () => /^E2404/.test(second.said[0] ?? ""));
  expect(await second.store.get("k")).toBeUndefined();
});

test("a full disk costs no request, and is used again when there is room", async () => {
  using folder = tempFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "none", folder.path]);
  try {
    await using opened = open(folder.path, 1024 * 1024 * 1024);
    for (let index = 0; index < 40; index += 1) {
      await opened.store.set(`k${index}`, record(noise(200_000, index)));
      const found = await opened.store.get(`k${index}`);
      expect(found === undefined || found.body.equals(noise(200_000, index))).toBe(true);
    }
    await eventually("word of it", () => /^E2403/.test(opened.said[0] ?? ""));
    execFileSync("mount", ["-o", "remount,size=300m", folder.path]);
    await eventually(
      "it to be used again",
      async () => {
        await opened.store.set("after", record("1"));
        return (await opened.store.get("after")) !== undefined;
      },
      60_000,
    );
    expect(opened.said.at(-1)).toBe("well");
  } finally {
    execFileSync("umount", [folder.path]);
  }
}, 90_000);

test("a folder that cannot be one costs no request", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "file");
  writeFileSync(path, "");
  await using opened = open(join(path, "cache"));
  await opened.store.set("k", record("1"));
  expect(await opened.store.get("k")).toBeUndefined();
  expect(opened.said).toHaveLength(1);
  expect(readdirSync(folder.path)).toEqual(["file"]);
});

test("without its thread there is nothing, at once", async () => {
  using folder = tempFolder();
  const opened = open(folder.path);
  await opened.store.set("k", record("1"));
  await opened[Symbol.asyncDispose]();
  expect(await opened.store.get("k")).toBeUndefined();
  expect((await opened.store.getOrLease("k", 1_000)).kind).toBe("mine");
});
