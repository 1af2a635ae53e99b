/** Who waits for a lease that somebody else has: told when it ends, at the latest when it expires. */

export interface LeaseWaiters {
  /** Resolves when the lease of that name ends; all who wait for it share one promise. */
  readonly wait: (name: string, atMostMs: number) => Promise<void>;
  readonly end: (name: string) => void;
  readonly endAll: () => void;
}

export function createLeaseWaiters(): LeaseWaiters {
  const waiters = new Map<string, { readonly ended: Promise<void>; readonly end: () => void }>();
  return {
    wait(name, atMostMs) {
      const known = waiters.get(name);
      if (known !== undefined) return known.ended;
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = (): void => {
        clearTimeout(timer);
        waiters.delete(name);
        resolve();
      };
      const timer = setTimeout(end, atMostMs);
      waiters.set(name, { ended: promise, end });
      return promise;
    },
    end: (name) => waiters.get(name)?.end(),
    endAll() {
      for (const { end } of [...waiters.values()]) end();
    },
  };
}
