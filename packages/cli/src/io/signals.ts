/** The signals that end a command which waits for its user. */

const endings = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type Ending = (typeof endings)[number];

/** Calls back on each Ctrl-C, TERM and hang-up until disposed; they no longer end the process. */
export function onEnding(callback: (signal: Ending) => void): Disposable {
  for (const signal of endings) process.on(signal, callback);
  return {
    [Symbol.dispose]() {
      for (const signal of endings) process.off(signal, callback);
    },
  };
}

/** Resolves at the first of them, or when the time is over. */
export async function untilInterrupted(timeoutMs?: number): Promise<void> {
  const ended = Promise.withResolvers<void>();
  using _listener = onEnding(() => ended.resolve());
  const timer = timeoutMs === undefined ? undefined : setTimeout(ended.resolve, timeoutMs);
  // A pending promise alone does not keep Node alive.
  const alive = setInterval(() => {}, 60_000);
  await ended.promise;
  clearTimeout(timer);
  clearInterval(alive);
}
