/** Those who wait for the stack to reach some state. */

export interface Waiters {
  readonly until: <T>(
    probe: () => T | undefined,
    deadlineMs: number,
    late: () => Error,
  ) => Promise<T>;
  /** Something has changed. */
  readonly review: () => void;
}

export function createWaiters(): Waiters {
  const waiting = new Set<() => void>();
  return {
    until<T>(probe: () => T | undefined, deadlineMs: number, late: () => Error): Promise<T> {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => end(() => reject(late())), deadlineMs);
        function end(act: () => void): void {
          clearTimeout(timer);
          waiting.delete(look);
          act();
        }
        function look(): void {
          try {
            const found = probe();
            if (found !== undefined) end(() => resolve(found));
          } catch (error) {
            end(() => reject(error as Error));
          }
        }
        waiting.add(look);
        look();
      });
    },
    review() {
      for (const look of [...waiting]) look();
    },
  };
}
