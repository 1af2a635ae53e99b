/** An answer that another thread fetches, for those that wait for it on this one. */
import { decodeStored, matchesRequest, type StoredAnswer } from "@stack/cache";
import type { ToBorrower, ToLender } from "../../core/cache/fill-messages.ts";
import { outcomeList } from "../../core/cache/outcomes.ts";
import type { Bytes } from "../exchange.ts";
import { isClientReader } from "./client-reader.ts";
import { createFill, type Fill, type FillReader } from "./fill.ts";
import { createHotEntry } from "./hot-entry.ts";
import { joinPieces } from "./join-pieces.ts";

export interface Borrowed {
  readonly fill: Fill;
  readonly onMessage: (message: ToBorrower) => void;
  /** The other thread has ended, or says nothing. */
  readonly onLost: () => void;
}

export function borrowFill(
  key: string,
  id: number,
  post: (message: ToLender) => void,
  onOver: () => void,
): Borrowed {
  let held = 0;
  let isLong = false;
  let answer: StoredAnswer | undefined;

  const fill = createFill(key, {
    onResume() {
      if (held === 0) return;
      post({ fill: "took", id, bytes: held });
      held = 0;
    },
    onDeserted() {
      post({ fill: "leave", id });
      onOver();
    },
  });

  function suits(reader: FillReader): boolean {
    if (answer === undefined) return false;
    return !isClientReader(reader) || matchesRequest(answer, reader.exchange.head);
  }

  function onPiece(bytes: Uint8Array | string): void {
    const piece: Bytes =
      typeof bytes === "string" ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const hasRoom = fill.add(piece);
    if (!isLong) return;
    held += piece.length;
    if (!hasRoom) return;
    post({ fill: "took", id, bytes: held });
    held = 0;
  }

  function onMessage(message: ToBorrower): void {
    switch (message.fill) {
      case "begin": {
        const { stored, ...head } = message.head;
        const decoded = stored === "" ? undefined : decodeStored(stored);
        answer = decoded?.kind === "answer" ? decoded : undefined;
        fill.begin({ ...head, answer }, message.source, suits);
        return;
      }
      case "piece":
        onPiece(message.bytes);
        return;
      case "long":
        isLong = true;
        fill.giveUpKeeping();
        return;
      case "end": {
        const kept = answer === undefined || isLong ? undefined : answer;
        onOver();
        if (kept === undefined) fill.end(undefined);
        else {
          const record = { body: joinPieces(fill.pieces()), storedAt: 0, keepUntil: 0 };
          const entry = createHotEntry(key, kept, record, undefined, 0, undefined);
          fill.end({ entry, outcome: undefined });
        }
        return;
      }
      case "stored": {
        const decoded = decodeStored(message.record.meta);
        onOver();
        if (decoded?.kind !== "answer") {
          fill.release(true);
          return;
        }
        const { body, storedAt } = message.record;
        const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
        const record = { body: bytes, storedAt, keepUntil: 0 };
        const entry = createHotEntry(message.key, decoded, record, undefined, 0, undefined);
        fill.end({ entry, outcome: outcomeList[message.outcome] });
        return;
      }
      case "failed": {
        const { status, reason, retryAfterS, source } = message;
        onOver();
        fill.fail({ status, reason, retryAfterS }, source);
        return;
      }
      case "released":
        onOver();
        fill.release(message.isLost);
        return;
    }
  }
  return {
    fill,
    onMessage,
    onLost() {
      onOver();
      if (fill.phase() === "waiting") fill.release(true);
      else fill.fail(interrupted, fill.source());
    },
  };
}

const interrupted = { status: 502, reason: "the answer broke off", retryAfterS: undefined };
