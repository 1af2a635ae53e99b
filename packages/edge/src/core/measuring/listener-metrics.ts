/** Connections by listener, over shared memory: each thread writes a region of its own. */

/** Listeners beyond this many are not told apart from the last. */
const mostListeners = 64;
const accepted = 0;
const open = 1;
const fields = 2;

/** The writer of one thread. */
export interface ListenerMetrics {
  readonly accepted: (listener: number) => void;
  /** How many there are now. */
  readonly open: (listener: number, connections: number) => void;
}

export function createListenerMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * mostListeners * fields * 8);
}

export function createListenerMetrics(memory: SharedArrayBuffer, thread: number): ListenerMetrics {
  const doubles = regionOf(memory, thread);
  const at = (listener: number): number => Math.min(listener, mostListeners - 1) * fields;
  return {
    accepted(listener) {
      const index = at(listener) + accepted;
      doubles[index] = (doubles[index] ?? 0) + 1;
    },
    open(listener, connections) {
      doubles[at(listener) + open] = connections;
    },
  };
}

export function sumListener(
  memory: SharedArrayBuffer,
  listener: number,
): { readonly accepted: number; readonly open: number } {
  const threads = memory.byteLength / (mostListeners * fields * 8);
  const sum = (field: number): number => {
    let total = 0;
    for (let thread = 0; thread < threads; thread += 1) {
      total += regionOf(memory, thread)[listener * fields + field] ?? 0;
    }
    return total;
  };
  return { accepted: sum(accepted), open: sum(open) };
}

/** Of a thread that ended: nothing is open there any more. */
export function clearListenerGauges(memory: SharedArrayBuffer, thread: number): void {
  const doubles = regionOf(memory, thread);
  for (let listener = 0; listener < mostListeners; listener += 1) {
    doubles[listener * fields + open] = 0;
  }
}

function regionOf(memory: SharedArrayBuffer, thread: number): Float64Array {
  return new Float64Array(memory, thread * mostListeners * fields * 8, mostListeners * fields);
}
