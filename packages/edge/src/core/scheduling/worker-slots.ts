/**
 * The slots of one worker, in memory shared by all threads: one 32-bit word per request it takes at
 * once, free or owned by a thread. Slots are a cache of what the worker itself says (design D3): a
 * thread claims one only for a connection on which the worker said READY.
 */

/** Words before the slots. */
const stateWord = 0;
const lastUsedWord = 1;
const servedWord = 2;
const inFlightWord = 3;
const failedWord = 4;
/** Tunnels of each thread: they hold no slot, but a worker is not idle while it has one. */
const firstTunnelWord = 5;
const mostThreads = 64;
const firstSlot = firstTunnelWord + mostThreads;

const free = 0;

/** More units than this are not told apart: a server that takes more at once has no queue to speak of. */
const maxSlots = 1024;

export const workerState = { open: 0, draining: 1, gone: 2 } as const;
export type WorkerState = (typeof workerState)[keyof typeof workerState];

/** Memory for a worker that takes `capacity` requests at once; share it with all threads. */
export function createWorkerSlots(capacity: number): SharedArrayBuffer {
  return new SharedArrayBuffer((firstSlot + Math.min(Math.max(capacity, 1), maxSlots)) * 4);
}

export function slotCount(worker: Int32Array): number {
  return worker.length - firstSlot;
}

export function readState(worker: Int32Array): WorkerState {
  return Atomics.load(worker, stateWord) as WorkerState;
}

export function writeState(worker: Int32Array, state: WorkerState): void {
  Atomics.store(worker, stateWord, state);
}

/**
 * Takes a free slot for a thread; -1 when there is none, or when the worker takes no more. The
 * state is read after the slot was taken: who sets `draining` and then finds no slot taken can rely on it.
 *
 * @param sequence when it was used, in the app's own count; the worker used longest ago is next
 */
export function claimSlot(worker: Int32Array, thread: number, sequence: number): number {
  for (let slot = firstSlot; slot < worker.length; slot += 1) {
    if (Atomics.load(worker, slot) !== free) continue;
    if (Atomics.compareExchange(worker, slot, free, thread + 1) !== free) continue;
    if (Atomics.load(worker, stateWord) !== workerState.open) {
      Atomics.store(worker, slot, free);
      return -1;
    }
    Atomics.add(worker, inFlightWord, 1);
    Atomics.store(worker, lastUsedWord, sequence);
    return slot - firstSlot;
  }
  return -1;
}

/** Gives a slot back. */
export function releaseSlot(worker: Int32Array, slot: number): void {
  Atomics.sub(worker, inFlightWord, 1);
  Atomics.store(worker, firstSlot + slot, free);
}

/** The request became a tunnel: its slot is free for the next one. */
export function moveToTunnel(worker: Int32Array, slot: number, thread: number): void {
  Atomics.add(worker, firstTunnelWord + thread, 1);
  releaseSlot(worker, slot);
}

export function endTunnel(worker: Int32Array, thread: number): void {
  Atomics.sub(worker, firstTunnelWord + thread, 1);
}

/** Tunnels on it, over all threads. */
export function countTunnels(worker: Int32Array): number {
  let tunnels = 0;
  for (let word = firstTunnelWord; word < firstSlot; word += 1) {
    tunnels += Atomics.load(worker, word);
  }
  return tunnels;
}

export function lastUsed(worker: Int32Array): number {
  return Atomics.load(worker, lastUsedWord);
}

/** Slots taken, whoever owns them. */
export function countInFlight(worker: Int32Array): number {
  let taken = 0;
  for (let slot = firstSlot; slot < worker.length; slot += 1) {
    if (Atomics.load(worker, slot) !== free) taken += 1;
  }
  return taken;
}

/** Requests on it as far as the counter knows: to compare workers, and to see that one is full. */
export function readLoad(worker: Int32Array): number {
  return Atomics.load(worker, inFlightWord);
}

export function hasFreeSlot(worker: Int32Array): boolean {
  return Atomics.load(worker, inFlightWord) < worker.length - firstSlot;
}

/** Frees what a thread that ended still owned; returns how many slots that were. */
export function sweepSlots(worker: Int32Array, thread: number): number {
  let swept = Atomics.exchange(worker, firstTunnelWord + thread, 0);
  for (let slot = firstSlot; slot < worker.length; slot += 1) {
    if (Atomics.compareExchange(worker, slot, thread + 1, free) === thread + 1) swept += 1;
  }
  // Counted anew: the thread may have ended between the slot and the counter.
  Atomics.store(worker, inFlightWord, countInFlight(worker));
  return swept;
}

export function countServed(worker: Int32Array): void {
  Atomics.add(worker, servedWord, 1);
}

/** Of those that were answered: with 500. */
export function countFailed(worker: Int32Array): void {
  Atomics.add(worker, failedWord, 1);
}

export function readFailed(worker: Int32Array): number {
  return Atomics.load(worker, failedWord) >>> 0;
}

/** Requests answered since the edge knows the worker. */
export function readServed(worker: Int32Array): number {
  return Atomics.load(worker, servedWord) >>> 0;
}
