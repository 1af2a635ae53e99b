/**
 * How many workers an instance should have, between a least and a most number: more when requests
 * wait for one, fewer when nobody has waited for long and the others would do. Asked once a second.
 */

export interface LoadLook {
  /** 95 of 100 requests waited less for a worker, or the oldest has waited so long already. */
  readonly waitMs: number;
  /** Of all that the workers take at once, from 0 to 1. */
  readonly busyShare: number;
  /** All workers there should be are ready: one more would not be in vain. */
  readonly whole: boolean;
}

export interface ElasticBounds {
  readonly min: number;
  readonly max: number;
  /** Waiting for so long is too long. */
  readonly waitMs: number;
  /** Nobody must have waited for so long before a worker is given up. */
  readonly calmMs: number;
}

export interface ElasticState {
  readonly workers: number;
  /** Looks in a row. */
  readonly pressed: number;
  readonly calm: number;
}

export const lookEveryMs = 1_000;

/** A single slow second is no reason for another process. */
const pressedLooks = 2;
/** The window of waits still shows the time before a new worker: it is given this long to tell. */
const settleLooks = 5;
/** Between "too long" and "not at all" nothing changes. */
const calmShare = 0.1;
/** The workers that stay must not be busier than this. */
const mostBusy = 0.7;

export function startElastic(bounds: ElasticBounds): ElasticState {
  return { workers: bounds.min, pressed: 0, calm: 0 };
}

export function decideWorkers(
  state: ElasticState,
  look: LoadLook,
  bounds: ElasticBounds,
): ElasticState {
  const workers = Math.min(Math.max(state.workers, bounds.min), bounds.max);
  if (look.waitMs >= bounds.waitMs) {
    const pressed = state.pressed + 1;
    if (pressed < pressedLooks || !look.whole || workers === bounds.max) {
      return { workers, pressed, calm: 0 };
    }
    const more = workers + Math.ceil(workers / 4);
    return { workers: Math.min(more, bounds.max), pressed: -settleLooks, calm: 0 };
  }
  const isCalm = look.waitMs <= bounds.waitMs * calmShare && suffice(workers - 1, workers, look);
  const calm = isCalm ? state.calm + 1 : 0;
  if (workers === bounds.min || calm * lookEveryMs < bounds.calmMs) {
    return { workers, pressed: 0, calm };
  }
  // Half of the time again before the next.
  return { workers: workers - 1, pressed: 0, calm: Math.floor(calm / 2) };
}

function suffice(fewer: number, now: number, { busyShare }: LoadLook): boolean {
  return fewer > 0 && busyShare * now <= fewer * mostBusy;
}
