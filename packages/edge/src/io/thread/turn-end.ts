/**
 * What is written at the end of the event loop's turn. Under load a turn takes in the events of many
 * connections. Were each answered as it comes, the other side would be woken for one, and sleep again
 * before the next; so all of a turn is taken in first, and written then: the requests to servers, who can
 * work meanwhile, then the answers to clients. A turn of one event ends at once.
 */

/** Something that holds back what it has to write. */
export interface Holder {
  /** The turn is over; there may be nothing left to write. */
  writeHeld(): void;
  /** `writeHeld` has thrown. */
  onBug(error: unknown): void;
}

/** Has someone write when the events of this turn have been taken in. */
export interface TurnEnd {
  readonly ask: (server: Holder) => void;
  readonly answer: (client: Holder) => void;
}

/** Of a turn as long as this the first ones do not wait for the last. */
const mostHolders = 256;

export function createTurnEnd(): TurnEnd {
  const servers = createHolders();
  const clients = createHolders();
  let isScheduled = false;

  function onTurnEnd(): void {
    isScheduled = false;
    servers.writeAll();
    clients.writeAll();
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(onTurnEnd);
  }

  return {
    ask(server) {
      servers.add(server);
      schedule();
    },
    answer(client) {
      clients.add(client);
      schedule();
    },
  };
}

function createHolders() {
  let holders: Holder[] = [];
  /** Used again by the next turn. */
  let spare: Holder[] = [];

  function writeAll(): void {
    const turn = holders;
    holders = spare;
    for (const holder of turn) {
      try {
        holder.writeHeld();
      } catch (error) {
        holder.onBug(error);
      }
    }
    turn.length = 0;
    spare = turn;
  }

  return {
    add(holder: Holder): void {
      holders.push(holder);
      if (holders.length >= mostHolders) writeAll();
    },
    writeAll,
  };
}
