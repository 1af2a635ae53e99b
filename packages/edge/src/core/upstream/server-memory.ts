/**
 * What all threads know of the servers of one upstream, in shared memory: 32-bit words per server, of
 * which the last are one group per thread, written by that thread alone. The main thread gives each
 * address a place (`places.ts`) and writes what its checks found.
 */

/** Addresses of one upstream at a time, those that have just left included. */
export const mostServers = 128;

const healthWord = 0;
const failuresWord = 1;
const ejectionsWord = 2;
const ejectedWord = 3;
const ejectedUntilWord = 4;
const rampingWord = 5;
const upSinceWord = 6;
/** Exact; kept only where `maxInFlight` is set. */
const claimedWord = 7;
const firstThread = 8;

const threadWords = 4;
const inFlight = 0;
const requests = 1;
const failed = 2;

export const serverHealth = { unknown: 0, up: 1, down: 2 } as const;

export interface ServerMemory {
  readonly words: Int32Array;
  readonly stride: number;
  readonly threads: number;
}

export function createServerMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(mostServers * strideOf(threads) * 4);
}

export function viewServerMemory(memory: SharedArrayBuffer, threads: number): ServerMemory {
  return { words: new Int32Array(memory), stride: strideOf(threads), threads };
}

/** Begins anew: another address has this place. */
export function resetServer({ words, stride }: ServerMemory, place: number): void {
  for (let at = place * stride; at < (place + 1) * stride; at += 1) Atomics.store(words, at, 0);
}

export function readHealth({ words, stride }: ServerMemory, place: number): number {
  return Atomics.load(words, place * stride + healthWord);
}

/** @param nowMs of the clock all threads share; a server that comes back begins to ramp up */
export function writeHealth(
  memory: ServerMemory,
  place: number,
  health: number,
  nowMs: number,
): void {
  const { words, stride } = memory;
  const before = Atomics.exchange(words, place * stride + healthWord, health);
  if (before === serverHealth.down && health === serverHealth.up) beginRamp(memory, place, nowMs);
}

/** Whether it is ejected now; the first to see that the time is over lets it in again. */
export function isEjected(memory: ServerMemory, place: number, nowMs: number): boolean {
  const { words, stride } = memory;
  const at = place * stride;
  if (Atomics.load(words, at + ejectedWord) === 0) return false;
  if (((nowMs - Atomics.load(words, at + ejectedUntilWord)) | 0) < 0) return true;
  if (Atomics.exchange(words, at + ejectedWord, 0) === 1) beginRamp(memory, place, nowMs);
  return false;
}

/** As `isEjected`, for who only looks: nothing changes. */
export function looksEjected({ words, stride }: ServerMemory, place: number): boolean {
  return Atomics.load(words, place * stride + ejectedWord) === 1;
}

export interface EjectionRules {
  /** Failures in a row. */
  readonly failures: number;
  readonly timeMs: number;
  readonly maxTimeMs: number;
}

/**
 * Counts a failure; enough of them in a row eject the server, each time for twice as long, and after
 * that a single one does.
 *
 * @returns for how long it was ejected by this one; 0 when it was not
 */
export function countFailure(
  memory: ServerMemory,
  place: number,
  thread: number,
  rules: EjectionRules,
  nowMs: number,
): number {
  const { words, stride } = memory;
  const at = place * stride;
  bump(memory, place, thread, failed, 1);
  const inRow = Atomics.add(words, at + failuresWord, 1) + 1;
  if (inRow < rules.failures) return 0;
  if (Atomics.compareExchange(words, at + ejectedWord, 0, 1) !== 0) return 0;
  Atomics.store(words, at + failuresWord, rules.failures - 1);
  // It did well for long enough: what was before is forgotten.
  const sinceMs = (nowMs - Atomics.load(words, at + ejectedUntilWord)) | 0;
  if (sinceMs > rules.maxTimeMs) Atomics.store(words, at + ejectionsWord, 0);
  const before = Atomics.add(words, at + ejectionsWord, 1);
  const timeMs = Math.min(rules.timeMs * 2 ** Math.min(before, 20), rules.maxTimeMs);
  Atomics.store(words, at + ejectedUntilWord, (nowMs + timeMs) | 0);
  return timeMs;
}

export function countSuccess({ words, stride }: ServerMemory, place: number): void {
  const at = place * stride + failuresWord;
  if (Atomics.load(words, at) !== 0) Atomics.store(words, at, 0);
}

function beginRamp({ words, stride }: ServerMemory, place: number, nowMs: number): void {
  Atomics.store(words, place * stride + upSinceWord, nowMs | 0);
  Atomics.store(words, place * stride + rampingWord, 1);
}

/** A server that has just been added to others that work. */
export function markNew(memory: ServerMemory, place: number, nowMs: number): void {
  beginRamp(memory, place, nowMs);
}

export function isRamping({ words, stride }: ServerMemory, place: number): boolean {
  return Atomics.load(words, place * stride + rampingWord) === 1;
}

/** From 0.1 to 1 over `slowStartMs` since it came up. */
export function rampFactor(
  { words, stride }: ServerMemory,
  place: number,
  slowStartMs: number,
  nowMs: number,
): number {
  const upMs = (nowMs - Atomics.load(words, place * stride + upSinceWord)) | 0;
  if (upMs >= slowStartMs) {
    Atomics.store(words, place * stride + rampingWord, 0);
    return 1;
  }
  return Math.max(0.1, upMs / slowStartMs);
}

/** Takes one of `limit` requests at once; false when all are taken. */
export function claimServer(
  { words, stride }: ServerMemory,
  place: number,
  limit: number,
): boolean {
  const at = place * stride + claimedWord;
  for (;;) {
    const taken = Atomics.load(words, at);
    if (taken >= limit) return false;
    if (Atomics.compareExchange(words, at, taken, taken + 1) === taken) return true;
  }
}

export function releaseServer({ words, stride }: ServerMemory, place: number): void {
  Atomics.sub(words, place * stride + claimedWord, 1);
}

export function hasRoom({ words, stride }: ServerMemory, place: number, limit: number): boolean {
  return Atomics.load(words, place * stride + claimedWord) < limit;
}

export function requestStarted(memory: ServerMemory, place: number, thread: number): void {
  bump(memory, place, thread, inFlight, 1);
  bump(memory, place, thread, requests, 1);
}

export function requestEnded(memory: ServerMemory, place: number, thread: number): void {
  bump(memory, place, thread, inFlight, -1);
}

/** Requests in flight over all threads. */
export function readInFlight(memory: ServerMemory, place: number): number {
  return sum(memory, place, inFlight);
}

export function readRequests(memory: ServerMemory, place: number): number {
  return sum(memory, place, requests);
}

export function readFailures(memory: ServerMemory, place: number): number {
  return sum(memory, place, failed);
}

/** What a thread that ended had in flight is over. */
export function sweepServers(memory: ServerMemory, thread: number, isLimited: boolean): void {
  const { words, stride } = memory;
  for (let place = 0; place < mostServers; place += 1) {
    const at = place * stride + firstThread + thread * threadWords + inFlight;
    const left = Atomics.exchange(words, at, 0);
    if (isLimited && left > 0) Atomics.sub(words, place * stride + claimedWord, left);
  }
}

/** A single writer per word: plain increments do. */
function bump(
  { words, stride }: ServerMemory,
  place: number,
  thread: number,
  field: number,
  by: number,
): void {
  const at = place * stride + firstThread + thread * threadWords + field;
  words[at] = (words[at] as number) + by;
}

function sum({ words, stride, threads }: ServerMemory, place: number, field: number): number {
  let total = 0;
  let at = place * stride + firstThread + field;
  for (let thread = 0; thread < threads; thread += 1) {
    total += words[at] as number;
    at += threadWords;
  }
  return total;
}

function strideOf(threads: number): number {
  return firstThread + threads * threadWords;
}
