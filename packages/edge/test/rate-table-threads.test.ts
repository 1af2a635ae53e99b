/** A rate limit that several threads charge at once lets through exactly what it should. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { createRateMemory, openRateTable } from "../src/core/protection/rate-table.ts";

const threads = 3;
const burst = 20_000;
const keys = 40;

/** Waits for the others, then charges each key in turn, at one and the same moment. */
const program = `
const { parentPort, workerData } = require("node:worker_threads");
const { memory, gate, table, threads, burst, keys } = workerData;
import(table).then(({ openRateTable }) => {
  const rates = openRateTable(memory);
  const limit = { name: "l", intervalUs: 1_000_000, burst: burst / keys };
  const words = new Int32Array(gate);
  Atomics.add(words, 0, 1);
  while (Atomics.load(words, 0) < threads);
  let allowed = 0;
  for (let round = 0; round < burst / keys; round += 1) {
    for (let key = 0; key < keys; key += 1) {
      if (rates.take(limit, "key " + key, 1_000).allowed) allowed += 1;
      if (key % 7 === 0) rates.sweep(1_000);
    }
  }
  parentPort.postMessage(allowed);
});`;

test("three threads at once are allowed the burst of each key, and not one more", async () => {
  // So few sets that keys share them, and are put in while others are charged.
  const memory = createRateMemory([3, 4], 32);
  const workerData = {
    memory,
    gate: new SharedArrayBuffer(4),
    table: new URL("../dist/core/protection/rate-table.js", import.meta.url).href,
    threads,
    burst,
    keys,
  };
  const workers = Array.from(
    { length: threads },
    () => new Worker(program, { eval: true, workerData }),
  );
  const answers = await Promise.all(workers.map((worker) => once(worker, "message")));
  await Promise.all(workers.map((worker) => worker.terminate()));
  const allowed = answers.reduce((sum, [count]) => sum + (count as number), 0);
  expect(allowed).toBe(burst);
  const limit = { name: "l", intervalUs: 1_000_000, burst: burst / keys };
  const rates = openRateTable(memory);
  for (let key = 0; key < keys; key += 1) {
    expect(rates.take(limit, `key ${key}`, 1_000)).toMatchObject({ allowed: false });
  }
});
