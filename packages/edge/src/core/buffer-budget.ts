/**
 * How much client data the edge holds in memory, over all threads: bodies being collected and
 * answers their clients have not read yet. Each thread publishes its own sum; beyond the budget
 * bodies are streamed and answers are taken no faster than clients read.
 */

export interface BufferBudget {
  /** Bytes more, or fewer where negative. */
  readonly add: (bytes: number) => void;
  readonly isExhausted: () => boolean;
}

const unit = 1024;

export function createBudgetMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * 4);
}

export function createBufferBudget(
  memory: SharedArrayBuffer,
  thread: number,
  limitBytes: number,
): BufferBudget {
  const sums = new Int32Array(memory);
  const limit = Math.ceil(limitBytes / unit);
  let own = 0;
  return {
    add(bytes) {
      own += bytes;
      sums[thread] = Math.ceil(own / unit);
    },
    isExhausted() {
      let total = 0;
      for (let index = 0; index < sums.length; index += 1) total += sums[index] ?? 0;
      return total >= limit;
    },
  };
}

/** What a thread that ended held is gone with it. */
export function forgetBudget(memory: SharedArrayBuffer, thread: number): void {
  new Int32Array(memory)[thread] = 0;
}
