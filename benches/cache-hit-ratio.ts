/**
 * The memory store at a million keys of 4 KB with 256 MB of memory: its hit ratio beside a plain LRU
 * of the same bytes, on requests that follow Zipf's law with and without scans, and its speed.
 * `node benches/cache-hit-ratio.ts [requests]` prints a table; one thread, in this process, no network.
 * Costs are CPU time; the longest pause is of the clock, so on a busy machine it is the scheduler's.
 */
import { attachMemoryStore, createMemoryLayout, type MemoryStore } from "@stack/cache";

const memoryBytes = 256 * 1024 * 1024;
const keyCount = 1_000_000;
const body = Buffer.alloc(4_096, "x");
const requests = Number(process.argv[2] ?? 2_000_000);
const scanEvery = 200_000;
const scanKeys = 60_000;

interface Cache {
  readonly has: (key: string) => boolean;
  readonly add: (key: string) => void;
}

interface Trace {
  readonly name: string;
  readonly skew: number;
  readonly withScans: boolean;
}

const traces: readonly Trace[] = [
  { name: "Zipf 0.9", skew: 0.9, withScans: false },
  { name: "Zipf 0.9, scans", skew: 0.9, withScans: true },
  { name: "Zipf 0.7, scans", skew: 0.7, withScans: true },
  { name: "Zipf 1.1, scans", skew: 1.1, withScans: true },
];

console.log("| requests | hits, LRU | hits, this store | gained | CPU/request | p99.9 | longest |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const trace of traces) {
  const store = attachMemoryStore(createMemoryLayout(memoryBytes, [1, 2]), 1);
  const own = run(trace, ofStore(store));
  const { bytes, records } = store.stats();
  const lru = run(trace, createLru(Math.floor(memoryBytes / (bytes / records))));
  const gained = own.ratio - lru.ratio;
  console.log(
    `| ${trace.name} | ${percent(lru.ratio)} | ${percent(own.ratio)} | ${percent(gained)} ` +
      `| ${own.cpuUs.toFixed(1)} µs | ${own.p999Us.toFixed(0)} µs | ${(own.longestUs / 1000).toFixed(1)} ms |`,
  );
}

function ofStore(store: MemoryStore): Cache {
  const record = { meta: "200 text/html", body, storedAt: 1, keepUntil: 1e15, tags: [] };
  return {
    has: (key) => store.get(key, 2) !== undefined,
    add: (key) => store.set(key, record),
  };
}

/** The whole memory is its own: it has no index to pay for. */
function createLru(capacity: number): Cache {
  const keys = new Set<string>();
  return {
    has(key) {
      if (!keys.delete(key)) return false;
      keys.add(key);
      return true;
    },
    add(key) {
      if (keys.size >= capacity) keys.delete(keys.values().next().value ?? "");
      keys.add(key);
    },
  };
}

function run(trace: Trace, cache: Cache) {
  const next = createZipf(trace.skew);
  const times = new Float64Array(requests);
  let hits = 0;
  let scanned = 0;
  const cpu = process.cpuUsage();
  for (let request = 0; request < requests; request += 1) {
    const inScan = trace.withScans && request % scanEvery >= scanEvery - scanKeys;
    // Scans are not counted: nothing can be a hit there.
    const key = inScan ? `http://shop/scan/${scanned++}` : `http://shop/article/${next()}`;
    const start = performance.now();
    if (cache.has(key)) hits += 1;
    else cache.add(key);
    times[request] = (performance.now() - start) * 1000;
  }
  const { user, system } = process.cpuUsage(cpu);
  times.sort();
  return {
    ratio: hits / (requests - scanned),
    cpuUs: (user + system) / requests,
    p999Us: times[Math.floor(requests * 0.999)] ?? 0,
    longestUs: times.at(-1) ?? 0,
  };
}

/** Ranks that follow Zipf's law, spread over the keys; the same in every run. */
function createZipf(skew: number): () => number {
  const sums = new Float64Array(keyCount);
  let sum = 0;
  for (let rank = 0; rank < keyCount; rank += 1) {
    sum += 1 / (rank + 1) ** skew;
    sums[rank] = sum;
  }
  let state = 88_172_645;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const wanted = ((state >>> 0) / 2 ** 32) * sum;
    let low = 0;
    let high = keyCount - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return Math.imul(low, 0x9e3779b1) >>> 0;
  };
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
