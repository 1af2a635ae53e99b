/** What every store does, whatever it is: run over memory, Redis and the embedded file. */
import { expect, test } from "vitest";
import type { CacheRecord, ListedRecord } from "../src/index.ts";
import { noise, record } from "./fixtures/records.ts";

export interface StoreUnderTest extends AsyncDisposable {
  readonly get: (key: string) => Promise<CacheRecord | undefined>;
  readonly set: (key: string, record: CacheRecord) => Promise<unknown>;
  readonly delete: (key: string) => Promise<unknown>;
  readonly list: () => Promise<readonly ListedRecord[]>;
}

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

export function testStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  test(`${name} knows nothing at first`, async () => {
    await using store = await open();
    expect(await store.get("http://a/")).toBeUndefined();
    expect(await store.list()).toEqual([]);
  });

  test(`${name} gives back what was stored, every byte of it`, async () => {
    await using store = await open();
    const stored = record(everyByte, {
      meta: everyByte.toString("latin1"),
      tags: ["news", "\u0001release=r1"],
      storedAt: 1_700_000_000_123.5,
    });
    const key = "http://a/x?y=%00\nvary:é\u0000end";
    await store.set(key, stored);
    expect(await store.get(key)).toMatchObject({ ...stored });
    expect(await store.get(`${key}.`)).toBeUndefined();
  });

  test.for([0, 1, 4_096, 300_000, 1_500_000])(`${name} keeps a body of %d bytes`, async (bytes) => {
    await using store = await open();
    const body = noise(bytes, 7);
    await store.set("k", record(body));
    const found = await store.get("k");
    expect(found?.body.equals(body)).toBe(true);
  });

  test(`${name} gives a body that nobody else writes to`, async () => {
    await using store = await open();
    await store.set("k", record("hello"));
    (await store.get("k"))?.body.fill(0);
    expect((await store.get("k"))?.body.toString()).toBe("hello");
  });

  test(`${name} replaces, also by something of another size`, async () => {
    await using store = await open();
    for (const bytes of [10, 900_000, 20, 600_000, 0]) {
      await store.set("k", record(noise(bytes, bytes), { meta: `${bytes}` }));
      const found = await store.get("k");
      expect(found?.meta).toBe(`${bytes}`);
      expect(found?.body.equals(noise(bytes, bytes))).toBe(true);
    }
    expect(await store.list()).toHaveLength(1);
  });

  test(`${name} forgets what is deleted, and nothing else`, async () => {
    await using store = await open();
    await store.set("a", record("1"));
    await store.set("b", record("2"));
    await store.delete("a");
    await store.delete("never there");
    expect([await store.get("a"), (await store.get("b"))?.body.toString()]).toEqual([
      undefined,
      "2",
    ]);
  });

  test(`${name} does not find what is over`, async () => {
    await using store = await open();
    await store.set("k", record("1", { keepUntil: Date.now() - 1 }));
    expect(await store.get("k")).toBeUndefined();
  });

  test(`${name} lists all there is`, async () => {
    await using store = await open();
    const keys = Array.from({ length: 450 }, (_, index) => `http://a/${index}`);
    await Promise.all(keys.map((key) => store.set(key, record("body", { tags: ["t"] }))));
    const listed = await store.list();
    expect(new Set(listed.map(({ key }) => key))).toEqual(new Set(keys));
    expect(listed).toHaveLength(keys.length);
    expect(listed[0]).toMatchObject({ bodyBytes: 4, tags: ["t"] });
  });
}
