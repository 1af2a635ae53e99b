/** A wait with a deadline. */

/** Rejects when the work does, or when it takes longer than that; what it comes to then is nobody's. */
export function within<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // Where this process itself was late, the answer may lie in its socket: that is read first.
      setImmediate(() => reject(new Error(`no answer in ${deadlineMs} ms`)));
    }, deadlineMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
