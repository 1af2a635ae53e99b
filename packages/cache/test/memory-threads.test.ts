/** Several threads at one memory store: what is read is what was written, also when a writer dies. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { attachMemoryStore, createMemoryLayout, type MemoryLayout } from "../src/index.ts";

/**
 * Stores and reads at random; each body says its key and its checksum. Reports what it saw after so
 * many rounds, and enough that were not in vain: while the system holds back a thread that writes,
 * the others find nothing.
 */
const program = `
const { parentPort, workerData } = require("node:worker_threads");
const { crc32 } = require("node:zlib");
const { module, layout, owner, control, rounds, keys } = workerData;
const words = new Int32Array(control);
import(module).then(({ attachMemoryStore }) => {
  const store = attachMemoryStore(layout, owner);
  let state = owner * 7919;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const seen = { hits: 0, wrong: 0, stored: 0, stale: 0 };
  const places = new Map();
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
  while (Atomics.load(words, 0) < words[1]);
  for (let round = 0; round < rounds || Math.min(seen.hits, seen.stored) <= 1000; round += 1) {
    const key = "key " + random(keys);
    if (random(3) === 0) {
      const body = Buffer.alloc(random(4) === 0 ? random(20000) : random(900), random(256));
      const meta = key + " " + crc32(body);
      if (store.set(key, { meta, body, storedAt: 1, keepUntil: 1e15, tags: [key] })) seen.stored += 1;
      continue;
    }
    if (random(50) === 0) store.delete(key);
    const found = store.get(key, 2);
    if (found === undefined) continue;
    seen.hits += 1;
    if (found.meta !== key + " " + crc32(found.body) || found.tags[0] !== key) seen.wrong += 1;
    const known = places.get(found.slot);
    if (known !== undefined && known.version === found.version && known.meta !== found.meta) seen.stale += 1;
    places.set(found.slot, { version: found.version, meta: found.meta });
  }
  parentPort.postMessage(seen);
});`;

function startThread(
  layout: MemoryLayout,
  owner: number,
  control: SharedArrayBuffer,
  rounds: number,
) {
  const module = new URL("../dist/core/store/memory-store.js", import.meta.url).href;
  const workerData = { module, layout, owner, control, rounds, keys: 300 };
  return new Worker(program, { eval: true, workerData });
}

function createControl(threads: number): SharedArrayBuffer {
  const control = new SharedArrayBuffer(8);
  new Int32Array(control)[1] = threads;
  return control;
}

interface Seen {
  readonly hits: number;
  readonly wrong: number;
  readonly stored: number;
  readonly stale: number;
}

test("three threads at once never read anything but a whole record of that key", async () => {
  const layout = createMemoryLayout(1024 * 1024, [5, 6]);
  const control = createControl(3);
  const workers = [1, 2, 3].map((owner) => startThread(layout, owner, control, 60_000));
  const seen = (await Promise.all(workers.map((worker) => once(worker, "message")))).map(
    ([message]) => message as Seen,
  );
  await Promise.all(workers.map((worker) => worker.terminate()));
  for (const { hits, wrong, stored, stale } of seen) {
    expect({ wrong, stale }).toEqual({ wrong: 0, stale: 0 });
    expect(Math.min(hits, stored)).toBeGreaterThan(1_000);
  }
  const { bytes, capacityBytes, records } = attachMemoryStore(layout, 4).stats();
  expect(bytes).toBeLessThanOrEqual(capacityBytes);
  expect(records).toBeGreaterThan(0);
}, 120_000);

test("threads that die at any moment leave a store that works, and nothing wrong in it", async () => {
  const layout = createMemoryLayout(1024 * 1024, [7, 8]);
  const store = attachMemoryStore(layout, 1);
  const locks = new Int32Array(layout.index);
  let heldOnce = false;
  for (let round = 0; round < 12 || (!heldOnce && round < 60); round += 1) {
    const control = createControl(1);
    const words = new Int32Array(control);
    const worker = startThread(layout, 2, control, Number.POSITIVE_INFINITY);
    const { async, value } = Atomics.waitAsync(words, 0, 0, 30_000);
    if (async) await value;
    const before = store.stats().stored;
    while (store.stats().stored - before < 200);
    await worker.terminate();
    heldOnce ||= locks[0] === 2;
    store.recover(2);
    expect(
      store.set("after", {
        meta: "m",
        body: Buffer.from("b"),
        storedAt: 1,
        keepUntil: 1e15,
        tags: [],
      }),
    ).toBe(true);
    expect(store.get("after", 2)?.body.toString()).toBe("b");
  }
  const control = createControl(1);
  const worker = startThread(layout, 3, control, 20_000);
  const [seen] = (await once(worker, "message")) as [Seen];
  await worker.terminate();
  expect({ wrong: seen.wrong, stale: seen.stale }).toEqual({ wrong: 0, stale: 0 });
  const { bytes, capacityBytes } = store.stats();
  expect(bytes).toBeLessThanOrEqual(capacityBytes);
}, 120_000);
