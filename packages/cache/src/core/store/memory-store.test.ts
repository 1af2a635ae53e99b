import fc from "fast-check";
import { expect, test } from "vitest";
import type { CacheRecord } from "../cache-record.ts";
import { createMemoryLayout } from "./memory/memory-layout.ts";
import { attachMemoryStore, type MemoryStore } from "./memory-store.ts";

const seed = [11, 12] as const;
const open = (bytes: number): MemoryStore => attachMemoryStore(createMemoryLayout(bytes, seed), 1);
const record = (body: string, more: Partial<CacheRecord> = {}): CacheRecord => ({
  meta: "200",
  body: Buffer.from(body),
  storedAt: 1_000,
  keepUntil: 9_000,
  tags: [],
  ...more,
});

test("what another thread attached finds is a copy", () => {
  const layout = createMemoryLayout(1 << 20, seed);
  const [one, two] = [attachMemoryStore(layout, 1), attachMemoryStore(layout, 2)];
  one.set("k", record("hello", { meta: "\xff\0m", tags: ["a", "b"] }));
  const found = two.get("k", 2_000);
  expect(found).toMatchObject({ meta: "\xff\0m", storedAt: 1_000, keepUntil: 9_000 });
  expect(found?.tags).toEqual(["a", "b"]);
  found?.body.fill(0);
  expect(one.get("k", 2_000)?.body.toString()).toBe("hello");
});

test("a place is current until its record is replaced, deleted or evicted", () => {
  const store = open(64 * 1024);
  const place = (key: string) => store.get(key, 0) ?? { slot: 0, version: -1 };
  store.set("replaced", record("1"));
  const replaced = place("replaced");
  expect(store.isCurrent(replaced)).toBe(true);
  store.set("replaced", record("2"));
  expect(store.isCurrent(replaced)).toBe(false);
  expect(store.isCurrent(place("replaced"))).toBe(true);
  const deleted = place("replaced");
  expect(store.delete("replaced")).toBe(true);
  expect(store.isCurrent(deleted)).toBe(false);
  store.set("evicted", record("3"));
  const evicted = place("evicted");
  for (let other = 0; other < 500; other += 1) store.set(`other ${other}`, record("x".repeat(400)));
  expect(store.get("evicted", 0)).toBeUndefined();
  expect(store.isCurrent(evicted)).toBe(false);
});

test("a record that is over is not found, and is the first to go", () => {
  const store = open(64 * 1024);
  store.set("over", record("x", { keepUntil: 1_500 }));
  expect(store.get("over", 1_501)).toBeUndefined();
  expect(store.get("over", 1_500)).toBeDefined();
});

test("a record too large for its shard is not kept, and neither is what it replaces", () => {
  const store = open(64 * 1024);
  const body = Buffer.alloc(store.maxRecordBytes - 4);
  expect(store.set("k", record("", { meta: "", body: body.subarray(0, -3) }))).toBe(true);
  expect(store.set("k", record("", { meta: "", body: Buffer.alloc(body.length + 9) }))).toBe(false);
  expect(store.get("k", 0)).toBeUndefined();
});

test("a scan does not drive out what is in use", () => {
  const store = open(512 * 1024);
  const hot = Array.from({ length: 100 }, (_, index) => `hot ${index}`);
  for (let round = 0; round < 3; round += 1) {
    for (const key of hot)
      if (store.get(key, 0) === undefined) store.set(key, record("h".repeat(900)));
  }
  for (let one = 0; one < 20_000; one += 1) store.set(`scan ${one}`, record("s".repeat(900)));
  expect(hot.filter((key) => store.get(key, 0) === undefined)).toEqual([]);
});

test("all records are listed, in parts", () => {
  const store = open(4 << 20);
  for (let index = 0; index < 700; index += 1) {
    store.set(`k${index}`, record("body", { tags: [`t${index}`], storedAt: index }));
  }
  const listed = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const part = store.list(from);
    listed.push(...part.records);
    from = part.next;
  }
  expect(new Set(listed.map(({ key }) => key)).size).toBe(700);
  expect(listed.find(({ key }) => key === "k42")).toEqual({
    key: "k42",
    bodyBytes: 4,
    storedAt: 42,
    keepUntil: 9_000,
    tags: ["t42"],
  });
});

test("the shard that a dead thread was writing to is emptied, and takes records again", () => {
  const layout = createMemoryLayout(64 * 1024, seed);
  const store = attachMemoryStore(layout, 1);
  store.set("before", record("1"));
  const place = store.get("before", 0) ?? { slot: 0, version: -1 };
  new Int32Array(layout.index)[0] = 7; // thread 7 holds the only shard
  expect(store.set("k", record("2"))).toBe(false);
  expect(store.get("before", 0)?.body.toString()).toBe("1");
  store.recover(8);
  expect(store.set("k", record("2"))).toBe(false);
  store.recover(7);
  expect([store.get("before", 0), store.isCurrent(place)]).toEqual([undefined, false]);
  expect(store.set("k", record("2"))).toBe(true);
  expect(store.get("k", 0)?.body.toString()).toBe("2");
  expect(store.stats().records).toBe(1);
});

interface Model {
  readonly records: Map<string, CacheRecord>;
}
const keys = fc.integer({ min: 0, max: 60 }).map((number) => `key ${number}`);
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc
    .tuple(fc.integer({ min: 0, max: 30_000 }), fc.nat(255))
    .map(([length, byte]) => new Uint8Array(length).fill(byte)),
);
const text = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 300,
});
const records = fc.record({
  meta: text,
  body: bodies.map((body) => Buffer.from(body)),
  storedAt: fc.integer({ min: 0, max: 100 }),
  keepUntil: fc.integer({ min: 0, max: 200 }),
  tags: fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { maxLength: 4 }),
});

const commands = fc.commands<Model, MemoryStore>(
  [
    fc.tuple(keys, records).map(([key, one]) => ({
      check: () => true,
      run(model: Model, store: MemoryStore) {
        if (store.set(key, one)) model.records.set(key, one);
        else model.records.delete(key);
        const { bytes, capacityBytes } = store.stats();
        expect(bytes).toBeLessThanOrEqual(capacityBytes);
      },
      toString: () => `set ${key} (${one.body.length})`,
    })),
    fc.tuple(keys, fc.integer({ min: 0, max: 200 })).map(([key, now]) => ({
      check: () => true,
      run(model: Model, store: MemoryStore) {
        const found = store.get(key, now);
        const known = model.records.get(key);
        if (found === undefined) return; // evicted or over: always allowed
        expect({ ...found, slot: 0, version: 0 }).toEqual({ ...known, slot: 0, version: 0 });
        expect(found.keepUntil).toBeGreaterThanOrEqual(now);
      },
      toString: () => `get ${key} at ${now}`,
    })),
    keys.map((key) => ({
      check: () => true,
      run(model: Model, store: MemoryStore) {
        const was = store.get(key, 0) !== undefined;
        expect(store.delete(key) || !was).toBe(true);
        expect(store.get(key, 0)).toBeUndefined();
        model.records.delete(key);
      },
      toString: () => `delete ${key}`,
    })),
  ],
  { maxCommands: 400, size: "max" },
);

test("whatever is done, it gives back exactly what was last stored, within its bound", () => {
  fc.assert(
    fc.property(commands, (all) => {
      fc.modelRun(() => ({ model: { records: new Map() }, real: open(128 * 1024) }), all);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("what was stored last is there", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(keys, records), { minLength: 1, maxLength: 300 }), (all) => {
      const store = open(128 * 1024);
      for (const [key, one] of all) {
        const isKept = store.set(key, { ...one, keepUntil: 200 });
        expect(store.get(key, 0)?.body.equals(one.body) ?? false).toBe(isKept);
      }
      const { records: count, bytes } = store.stats();
      expect(count).toBe(store.list(0).records.length);
      expect(bytes).toBeGreaterThan(0);
    }),
    { numRuns: 60 },
  );
}, 60_000);
