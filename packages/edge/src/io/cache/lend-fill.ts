/** An answer that this thread fetches, passed on to another thread while it comes. */
import { encodeStored } from "@stack/cache";
import type { ToBorrower } from "../../core/cache/fill-messages.ts";
import type { Fill, FillReader } from "./fill.ts";

/** Of an answer that is not kept: what may be on its way to the other thread. */
const windowBytes = 1024 * 1024;

export interface Lent {
  readonly onTook: (bytes: number) => void;
  /** The other thread has no use for it any more. */
  readonly end: () => void;
}

export function lendFill(
  fill: Fill,
  id: number,
  post: (message: ToBorrower) => void,
  onOver: () => void,
): Lent {
  let next = 0;
  let untaken = 0;
  let hasBegun = false;
  let isLong = false;
  let isOver = false;

  const over = (): void => {
    if (isOver) return;
    isOver = true;
    fill.leave(reader);
    onOver();
  };
  const isBlocked = (): boolean => isLong && untaken >= windowBytes;

  function pump(): void {
    if (hasBegun && !isLong && !fill.isOpen()) {
      isLong = true;
      post({ fill: "long", id });
    }
    while (!isBlocked()) {
      const piece = fill.piece(next);
      if (piece === undefined) break;
      next += 1;
      if (isLong) untaken += piece.length;
      post({ fill: "piece", id, bytes: piece });
    }
    if (fill.phase() !== "ended" || fill.piece(next) !== undefined) return;
    post({ fill: "end", id });
    over();
  }

  function begin(): void {
    const head = fill.head();
    if (head === undefined) return;
    const { answer, ...rest } = head;
    hasBegun = true;
    const stored = answer === undefined ? "" : encodeStored(answer);
    post({ fill: "begin", id, head: { ...rest, stored }, source: fill.source() });
  }

  const reader: FillReader = {
    isBlocked,
    position: () => next,
    onNews() {
      if (isOver) return;
      const source = fill.source();
      const result = fill.result();
      if (fill.phase() === "failed") {
        const { status, reason, retryAfterS } = fill.failure() ?? interrupted;
        post({ fill: "failed", id, status, reason, retryAfterS, source });
        over();
      } else if (!hasBegun && result !== undefined) {
        const { key, storedAt, answer, plain } = result.entry;
        const record = { meta: encodeStored(answer), storedAt, body: plain.body };
        const outcome = result.outcome?.index ?? -1;
        post({ fill: "stored", id, key, record, outcome, source });
        over();
      } else {
        if (!hasBegun) begin();
        pump();
      }
    },
    onReleased(isLost) {
      isOver = true;
      post({ fill: "released", id, isLost });
      onOver();
    },
  };
  fill.join(reader);
  return {
    onTook(bytes) {
      untaken -= bytes;
      if (isOver) return;
      pump();
      if (!isOver) fill.onRoom();
    },
    end: over,
  };
}

const interrupted = { status: 502, reason: "the answer broke off", retryAfterS: undefined };
