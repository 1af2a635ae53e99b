/**
 * The queue of one app, in memory shared by all threads (design D2, D3). A waiting request stays on
 * the thread that read it; what is shared is the order: each thread publishes the ticket of its
 * oldest waiting request, and how many wait. Whoever frees a slot offers it to the oldest ticket.
 *
 * No wake is lost: a waiter publishes its ticket and then looks for a free slot, a releaser frees
 * the slot and then looks for tickets; with sequentially consistent accesses one sees the other.
 */

const ticketWord = 0;
const sequenceWord = 1;
const waitingWord = 2;
const threadWords = 4;
const firstThread = 4;

// Words of each thread.
const headTicket = 0; // 0: nobody waits
const headSince = 1;
const waiting = 2;
const wakePending = 3;

export function createAppQueue(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer((firstThread + threads * threadWords) * 4);
}

/** A new ticket, after all given before; never 0. Compare with `isBefore`: they wrap around. */
export function takeTicket(queue: Int32Array): number {
  for (;;) {
    const ticket = (Atomics.add(queue, ticketWord, 1) + 1) | 0;
    if (ticket !== 0) return ticket;
  }
}

/** A ticket before all that wait, for a request that had its turn and lost its worker. */
export function takeFrontTicket(queue: Int32Array): number {
  const oldest = oldestThread(queue);
  const first = oldest < 0 ? takeTicket(queue) : headOf(queue, oldest);
  const ticket = (first - 1) | 0;
  return ticket === 0 ? -1 : ticket;
}

export function isBefore(ticket: number, other: number): boolean {
  return ((ticket - other) | 0) < 0;
}

/** Counts uses of the app's workers, so that they take turns. */
export function nextSequence(queue: Int32Array): number {
  return (Atomics.add(queue, sequenceWord, 1) + 1) | 0;
}

/**
 * Says what a thread's oldest waiting request is.
 *
 * @param ticket 0 when nobody waits there
 * @param since when it began to wait, milliseconds of a clock that all threads share, as 32 bits
 */
export function publishHead(
  queue: Int32Array,
  thread: number,
  ticket: number,
  since: number,
): void {
  const at = firstThread + thread * threadWords;
  Atomics.store(queue, at + headSince, since);
  Atomics.store(queue, at + headTicket, ticket);
}

/** Counts one more waiting request of a thread; false when `limit` requests wait already. */
export function enterQueue(queue: Int32Array, thread: number, limit: number): boolean {
  if (Atomics.add(queue, waitingWord, 1) >= limit) {
    Atomics.sub(queue, waitingWord, 1);
    return false;
  }
  Atomics.add(queue, firstThread + thread * threadWords + waiting, 1);
  return true;
}

export function leaveQueue(queue: Int32Array, thread: number): void {
  Atomics.sub(queue, firstThread + thread * threadWords + waiting, 1);
  Atomics.sub(queue, waitingWord, 1);
}

/** Requests that wait, over all threads. */
export function countWaiting(queue: Int32Array): number {
  return Atomics.load(queue, waitingWord);
}

/** The thread whose request waits longest; -1 when none waits. */
export function oldestThread(queue: Int32Array): number {
  return nextThread(queue, 0);
}

/** The thread with the oldest ticket after `ticket` (0: of all); -1 when there is none. */
export function nextThread(queue: Int32Array, ticket: number): number {
  let found = -1;
  let best = 0;
  for (let at = firstThread; at < queue.length; at += threadWords) {
    const head = Atomics.load(queue, at + headTicket);
    if (head === 0 || (ticket !== 0 && !isBefore(ticket, head))) continue;
    if (found < 0 || isBefore(head, best)) {
      best = head;
      found = (at - firstThread) / threadWords;
    }
  }
  return found;
}

function headOf(queue: Int32Array, thread: number): number {
  return Atomics.load(queue, firstThread + thread * threadWords + headTicket);
}

/** How long the oldest request of all has waited, in milliseconds; 0 when none does. */
export function oldestWaitMs(queue: Int32Array, nowMs: number): number {
  const thread = oldestThread(queue);
  if (thread < 0) return 0;
  const since = Atomics.load(queue, firstThread + thread * threadWords + headSince);
  return Math.max(0, ((nowMs | 0) - since) | 0);
}

/** How much longer the oldest request of `older` waits than that of `thread`, in milliseconds. */
export function waitsLonger(queue: Int32Array, older: number, thread: number): number {
  const since = Atomics.load(queue, firstThread + older * threadWords + headSince);
  const own = Atomics.load(queue, firstThread + thread * threadWords + headSince);
  return (own - since) | 0;
}

/** True when the caller shall send the wake: none is under way to this thread. */
export function markWake(queue: Int32Array, thread: number): boolean {
  return Atomics.exchange(queue, firstThread + thread * threadWords + wakePending, 1) === 0;
}

/** First thing on a wake, before the queue is read: a later release sends another one. */
export function clearWake(queue: Int32Array, thread: number): void {
  Atomics.store(queue, firstThread + thread * threadWords + wakePending, 0);
}

/** Forgets a thread that ended. */
export function forgetThread(queue: Int32Array, thread: number): void {
  publishHead(queue, thread, 0, 0);
  const left = Atomics.exchange(queue, firstThread + thread * threadWords + waiting, 0);
  Atomics.sub(queue, waitingWord, left);
  clearWake(queue, thread);
}
