/** Tells when nothing has moved for a while: a flag, and a timer that runs only while somebody waits. */

export interface StallWatch {
  readonly moved: () => void;
  /** Somebody waits for the next move. */
  readonly start: () => void;
}

/**
 * @param isAwaited whether anybody still waits; if not, the timer rests until the next `start`
 * @param onStall nothing moved for `afterMs` at least, for twice that at most
 */
export function createStallWatch(
  afterMs: number,
  isAwaited: () => boolean,
  onStall: () => void,
): StallWatch {
  let hasMoved = false;
  let isRunning = false;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    isRunning = false;
    if (!isAwaited()) return;
    if (hasMoved) run();
    else onStall();
  }

  function run(): void {
    hasMoved = false;
    isRunning = true;
    if (timer === undefined) timer = setTimeout(look, afterMs).unref();
    else timer.refresh();
  }

  return {
    moved() {
      hasMoved = true;
    },
    start() {
      if (!isRunning) run();
    },
  };
}
