/**
 * The memory store at a million keys of 4 KB with 256 MB of memory: its hit ratio beside a plain LRU
 * of the same bytes, on requests that follow Zipf's law with and without scans, and what it costs. One
 * thread, in this process, no network. The first trace is played several times, and of each request
 * the shortest counts: what comes again is the store's own pause, what does not is the machine's.
 */
import { attachMemoryStore, createMemoryLayout, type MemoryStore } from "@stack/cache";
import type { BenchCase } from "../lib/bench.ts";
import type { Row } from "../lib/section.ts";

const memoryBytes = 256 * 1024 * 1024;
const keyCount = 1_000_000;
const body = Buffer.alloc(4_096, "x");
const requests = 600_000;
const scanEvery = 200_000;
const scanKeys = 60_000;
const passes = 3;

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

export const cacheMemory: BenchCase = {
  name: "cache-memory",
  async run(bench) {
    const rows: Row[] = [];
    for (const [index, trace] of traces.entries()) {
      const times = index === 0 ? passes : 1;
      const layout = createMemoryLayout(memoryBytes, [1, 2]);
      let store = attachMemoryStore(layout, 1);
      const own = run(trace, times, (pass) => {
        const fresh = pass === 0 ? layout : createMemoryLayout(memoryBytes, [1, 2]);
        store = attachMemoryStore(fresh, 1);
        return ofStore(store);
      });
      const { bytes, records } = store.stats();
      const lru = run(trace, 1, () => createLru(Math.floor(memoryBytes / (bytes / records))));
      const taken = layout.index.byteLength + layout.content.byteLength;
      const { percent, cpuMicros, ...pauses } = own;
      const common = { percent, cpuMicros, lru: lru.percent, share: taken / memoryBytes };
      const values = times > 1 ? { ...common, ...pauses } : common;
      rows.push({ name: trace.name, values });
      bench.log(`${trace.name}  ${own.percent.toFixed(1)} %  ${own.longestMs.toFixed(2)} ms`);
    }
    const most = (key: string): number => Math.max(...rows.map(({ values }) => values[key] ?? 0));
    return {
      title: "A million keys in memory",
      note: `${requests} requests for a million records of 4 KB, 256 MB of memory, from empty; the LRU beside it has no index to pay for. A request is a look-up, and what is stored after a miss. The longest (of the first trace) is of the shortest of ${passes} times that each was made, so that it is the store's and neither the scheduler's nor V8's.`,
      columns: [
        { key: "percent", title: "hits %", digits: 1 },
        { key: "lru", title: "hits of LRU %", digits: 1 },
        { key: "cpuMicros", title: "CPU µs/request", digits: 1 },
        { key: "p999Micros", title: "p99.9 µs", digits: 0 },
        { key: "longestMs", title: "longest ms", digits: 2 },
        { key: "share", title: "bytes ÷ bound", digits: 2 },
      ],
      rows,
      bars: [
        {
          work: "a million keys in memory: longest pause",
          peer: "–",
          unit: " ms",
          value: most("longestMs"),
          must: 5,
          aim: 2,
        },
        {
          work: "a million keys in memory: bytes against the bound",
          peer: "–",
          unit: "×",
          value: most("share"),
          must: 1,
          aim: 1,
        },
      ],
    };
  },
};

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

function run(trace: Trace, times: number, open: (pass: number) => Cache) {
  const shortest = new Float64Array(requests).fill(Number.POSITIVE_INFINITY);
  let hits = 0;
  let scanned = 0;
  let cpuMicros = 0;
  for (let pass = 0; pass < times; pass += 1) {
    const cache = open(pass);
    const next = createZipf(trace.skew);
    const before = process.threadCpuUsage();
    hits = 0;
    scanned = 0;
    for (let request = 0; request < requests; request += 1) {
      const inScan = trace.withScans && request % scanEvery >= scanEvery - scanKeys;
      // Scans are not counted: nothing can be a hit there.
      const key = inScan ? `http://shop/scan/${scanned++}` : `http://shop/article/${next()}`;
      const start = performance.now();
      if (cache.has(key)) hits += 1;
      else cache.add(key);
      const micros = (performance.now() - start) * 1000;
      if (micros < (shortest[request] as number)) shortest[request] = micros;
    }
    const { user, system } = process.threadCpuUsage(before);
    cpuMicros += (user + system) / requests / times;
  }
  shortest.sort();
  return {
    percent: (100 * hits) / (requests - scanned),
    cpuMicros,
    p999Micros: shortest[Math.floor(requests * 0.999)] ?? 0,
    longestMs: (shortest.at(-1) ?? 0) / 1_000,
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
