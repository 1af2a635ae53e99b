/**
 * Rate limits by GCRA (ITU-T I.371), exact over all threads of an edge: per key one number, the time
 * at which it would be back to nothing used ("theoretical arrival time"). One request moves it by
 * the interval between two requests of the rate; one that would move it further than the burst
 * allows is refused.
 *
 * The numbers stand in shared memory of a fixed size. A key has eight cells where it may be; a cell
 * is one 64-bit word, 24 bits of the key's hash and 40 bits of time in microseconds, so that taking a
 * cell and charging it is one compare-and-swap. A key that is back to nothing used is the same as
 * one never seen: its cell is free. Where all eight are in use, the one nearest to that is given up.
 */
import { hashKey, type KeyHash } from "@stack/base";

const ways = 8;
/** Sets of eight cells: half a million keys in use at once, in 4 MB. */
const usualSets = 65_536;
const timeRange = 2 ** 40;
/** A set whose owner died while it held the lock is taken after so many tries. */
const mostSpins = 10_000;
const seedWords = 2;
const sweptAtOnce = 8_192;

export interface RateLimit {
  /** Names the limit: the same key under another limit is another key. */
  readonly name: string;
  /** Microseconds between two requests of the rate. */
  readonly intervalUs: number;
  /** Requests that may come at once, at least 1. */
  readonly burst: number;
}

/** Of the last `take`; one record per table, filled anew by each. */
export interface RateDecision {
  allowed: boolean;
  /** Requests that could follow at once. */
  remaining: number;
  /** Until one more is allowed; 0 when one is now. */
  retryAfterMs: number;
  /** Until nothing is used any more. */
  resetMs: number;
}

export interface RateTable {
  /**
   * Charges one request.
   *
   * @param nowUs of a clock all threads share
   */
  readonly take: (limit: RateLimit, key: string, nowUs: number) => RateDecision;
  /** Frees what is not in use in a part of the table; called often, it goes through all of it. */
  readonly sweep: (nowUs: number) => void;
}

/** Memory for one edge process; share it with all threads. `sets` is a power of two. */
export function createRateMemory(
  seed: readonly [low: number, high: number],
  sets = usualSets,
): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(seedWords * 4 + sets * ways * 8 + sets * 4);
  new Uint32Array(memory, 0, seedWords).set(seed);
  return memory;
}

export function openRateTable(memory: SharedArrayBuffer): RateTable {
  const sets = (memory.byteLength - seedWords * 4) / (ways * 8 + 4);
  const [seedLow = 0, seedHigh = 0] = new Uint32Array(memory, 0, seedWords);
  const seed = [seedLow, seedHigh] as const;
  const cells = new BigInt64Array(memory, seedWords * 4, sets * ways);
  /** The same memory as halves, low first: finding a cell needs no 64-bit number. */
  const halves = new Uint32Array(memory, seedWords * 4, sets * ways * 2);
  const locks = new Int32Array(memory, seedWords * 4 + sets * ways * 8, sets);
  const hash: KeyHash = { low: 0, high: 0 };
  const decision: RateDecision = { allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 0 };
  /** One cell taken apart and put together: arithmetic on 64-bit numbers allocates each time. */
  const whole = new BigInt64Array(1);
  const parts = new Uint32Array(whole.buffer);
  let swept = 0;

  function compose(mark: number, time: number): bigint {
    parts[0] = time >>> 0;
    parts[1] = ((mark << 8) | (time / 2 ** 32)) >>> 0;
    return whole[0] as bigint;
  }

  /** Microseconds from `now` to the time in a cell; negative when it is over. Times wrap around. */
  function leftOf(value: bigint, now: number): number {
    whole[0] = value;
    const left = ((parts[1] as number) & 0xff) * 2 ** 32 + (parts[0] as number) - now;
    if (left < -timeRange / 2) return left + timeRange;
    return left >= timeRange / 2 ? left - timeRange : left;
  }

  /** The key's cell, or -1. */
  function find(first: number, mark: number): number {
    for (let cell = first; cell < first + ways; cell += 1) {
      if (Atomics.load(halves, cell * 2 + 1) >>> 8 === mark) return cell;
    }
    return -1;
  }

  /** A cell for a key that has none: a free one, else the one nearest to nothing used. */
  function makeRoom(first: number, now: number): number {
    let best = first;
    let bestLeft = Number.POSITIVE_INFINITY;
    for (let cell = first; cell < first + ways; cell += 1) {
      const value = Atomics.load(cells, cell);
      const left = value === 0n ? -timeRange : leftOf(value, now);
      if (left < bestLeft) {
        best = cell;
        bestLeft = left;
      }
    }
    return best;
  }

  /** Puts the key into a cell, as if it had been there with nothing used. */
  function insert(set: number, mark: number, now: number): void {
    lock(set);
    const first = set * ways;
    while (find(first, mark) < 0) {
      const cell = makeRoom(first, now);
      const before = Atomics.load(cells, cell);
      Atomics.compareExchange(cells, cell, before, compose(mark, now));
    }
    Atomics.store(locks, set, 0);
  }

  function lock(set: number): void {
    for (let spins = 0; spins < mostSpins; spins += 1) {
      if (Atomics.compareExchange(locks, set, 0, 1) === 0) return;
    }
  }

  return {
    take(limit, key, nowUs) {
      hashKey(seed, `${limit.name}\0${key}`, hash);
      const set = hash.low & (sets - 1);
      const mark = hash.high & 0xffffff || 1;
      const now = Math.floor(nowUs) % timeRange;
      const { intervalUs } = limit;
      const room = intervalUs * limit.burst;
      for (;;) {
        const cell = find(set * ways, mark);
        if (cell < 0) {
          insert(set, mark, now);
          continue;
        }
        const before = Atomics.load(cells, cell);
        const used = Math.max(leftOf(before, now), 0);
        if ((parts[1] as number) >>> 8 !== mark) continue; // another key took it just now
        const after = used + intervalUs;
        decision.allowed = after <= room;
        if (!decision.allowed) {
          decision.remaining = 0;
          decision.retryAfterMs = (after - room) / 1000;
          decision.resetMs = used / 1000;
          return decision;
        }
        const value = compose(mark, (now + after) % timeRange);
        if (Atomics.compareExchange(cells, cell, before, value) !== before) continue;
        decision.remaining = Math.floor((room - after) / intervalUs);
        decision.retryAfterMs = decision.remaining > 0 ? 0 : (after + intervalUs - room) / 1000;
        decision.resetMs = after / 1000;
        return decision;
      }
    },
    sweep(nowUs) {
      const now = Math.floor(nowUs) % timeRange;
      const until = Math.min(swept + sweptAtOnce, cells.length);
      for (; swept < until; swept += 1) {
        if (Atomics.load(halves, swept * 2 + 1) === 0) continue;
        const value = Atomics.load(cells, swept);
        if (leftOf(value, now) <= 0) Atomics.compareExchange(cells, swept, value, 0n);
      }
      if (swept === cells.length) swept = 0;
    },
  };
}
