/** What is known of the streams of a connection that are not open (RFC 9113 §5.1, §5.1.1). */

/** Streams that were over before their client had ended them. */
const mostLate = 1_024;
/** Stream ids a client left out; more of them are told apart no longer. */
const mostSkipped = 128;

export interface StreamIds {
  /** The highest that was begun; 0 for none. */
  readonly last: () => number;
  /** A request begins it; it is higher than the last. */
  readonly begin: (stream: number) => void;
  /** It was left out: never begun, and never to be. */
  readonly isSkipped: (stream: number) => boolean;
  /** It is over for us, and its client may not have heard of it: what comes is let pass. */
  readonly closeEarly: (stream: number) => void;
  readonly isLate: (stream: number) => boolean;
  /** Now its client has ended it too. */
  readonly endLate: (stream: number) => void;
}

export function createStreamIds(): StreamIds {
  const late = new Set<number>();
  const skipped = new Set<number>();
  let last = 0;
  return {
    last: () => last,
    begin(stream) {
      for (let id = last === 0 ? 1 : last + 2; id < stream; id += 2) {
        if (skipped.size >= mostSkipped) break;
        skipped.add(id);
      }
      last = stream;
    },
    isSkipped: (stream) => skipped.has(stream),
    closeEarly(stream) {
      late.add(stream);
      if (late.size <= mostLate) return;
      for (const oldest of late) {
        late.delete(oldest);
        return;
      }
    },
    isLate: (stream) => late.has(stream),
    endLate: (stream) => void late.delete(stream),
  };
}
