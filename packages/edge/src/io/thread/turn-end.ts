/**
 * What is done at the end of the event loop's turn. Under load a turn has the events of many
 * connections. Were each dealt with as it comes, all of the way from a read to a write would run for
 * one message, and again for the next, and each time find the processor's caches full of the rest of
 * the way; and the other side would be woken for one message, and sleep again before the next. So the
 * messages of a turn go each step of the way together: short ones are only read as they come, then
 * the answers of servers are taken in, then the requests of clients; then requests are written to
 * servers, who can work meanwhile, then answers to clients. A turn of one event ends at once.
 *
 * libuv accepts one connection in a turn. Were the turns of a burst of connections as long as those
 * accepted first have requests, the last one would wait for seconds. So a turn in which one was
 * accepted only reads, and what was read waits for the next, up to a bound.
 */

/** Something that has read and not looked at it yet. */
export interface Reader {
  takeIn(): void;
  /** `takeIn` has thrown. */
  onBug(error: unknown): void;
}

/** Something that holds back what it has to write. */
export interface Holder {
  /** The turn is over; there may be nothing left to write. */
  writeHeld(): void;
  /** `writeHeld` has thrown. */
  onBug(error: unknown): void;
}

/** Takes up what is to be done when the events of this turn have come. */
export interface TurnEnd {
  readonly takeAnswer: (server: Reader) => void;
  readonly takeRequest: (client: Reader) => void;
  readonly ask: (server: Holder) => void;
  readonly answer: (client: Holder) => void;
  /** A connection was accepted, and others may wait for it too. */
  readonly accepted: () => void;
}

/** What is longer, in bytes, is looked at as it comes, not with the others. */
export const shortBytes = 8 * 1024;
/** Of a turn as long as this the first ones do not wait for the last. */
const mostWaiting = 256;
/** Turns in a row that only read and accept. */
const mostAccepting = 32;

export function createTurnEnd(): TurnEnd {
  const answers = createStep<Reader>((server) => server.takeIn(), isAccepting);
  const requests = createStep<Reader>((client) => client.takeIn(), isAccepting);
  const asking = createStep<Holder>((server) => server.writeHeld(), isAccepting);
  const answering = createStep<Holder>((client) => client.writeHeld(), isAccepting);
  let isScheduled = false;
  let hasAccepted = false;
  let accepting = 0;

  function isAccepting(): boolean {
    return hasAccepted || accepting > 0;
  }

  function onTurnEnd(): void {
    if (hasAccepted && accepting < mostAccepting) {
      hasAccepted = false;
      accepting += 1;
      setImmediate(onTurnEnd);
      return;
    }
    hasAccepted = false;
    accepting = 0;
    answers.runAll();
    requests.runAll();
    isScheduled = false; // what is written now need not be scheduled, what comes of it must
    asking.runAll();
    answering.runAll();
    if (answers.isWaiting() || requests.isWaiting()) schedule();
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(onTurnEnd);
  }

  return {
    takeAnswer(server) {
      answers.add(server);
      schedule();
    },
    takeRequest(client) {
      requests.add(client);
      schedule();
    },
    ask(server) {
      asking.add(server);
      schedule();
    },
    answer(client) {
      answering.add(client);
      schedule();
    },
    accepted() {
      hasAccepted = true;
    },
  };
}

function createStep<One extends { onBug(error: unknown): void }>(
  run: (one: One) => void,
  isAccepting: () => boolean,
) {
  let waiting: One[] = [];
  /** Used again by the next turn. */
  let spare: One[] = [];

  function runAll(): void {
    const turn = waiting;
    waiting = spare;
    for (const one of turn) {
      try {
        run(one);
      } catch (error) {
        one.onBug(error);
      }
    }
    turn.length = 0;
    spare = turn;
  }

  return {
    add(one: One): void {
      waiting.push(one);
      if (waiting.length >= mostWaiting && !isAccepting()) runAll();
    },
    runAll,
    isWaiting: () => waiting.length > 0,
  };
}
