/**
 * A request body beyond `limits.bufferBytes`: the rest of it goes to disk until its client has sent
 * all, so that a slow client holds no worker; then memory and file are passed on. Where the disk
 * takes no more, the backend is asked at once and the body streamed, as it is without a spill.
 */
import { awaitMore, failByClient } from "../client/client-body.ts";
import { guard } from "../client/client-connection.ts";
import { type BodySpill, bodyMode, type ClientExchange } from "../client/client-state.ts";
import type { SpillFile } from "./spill-file.ts";

/** @param open undefined when the bound is reached */
export function startBodySpill(
  exchange: ClientExchange,
  open: (onCaughtUp: () => void) => SpillFile | undefined,
): boolean {
  const { io } = exchange;
  /** What the file did not take. */
  const tail: Buffer[] = [];
  let isReading = false;

  const onCaughtUp = (): void => guard(io, resume);
  const file = open(onCaughtUp);
  if (file === undefined) return false;

  /** The disk has caught up, or failed: more of the body may come, or it is passed on now. */
  function resume(): void {
    if (exchange.done || exchange.bodyEnded || exchange.bodySpill !== spill) return;
    if (tail.length === 0) awaitMore(io, exchange);
  }

  function onPiece(piece: Buffer | undefined): void {
    isReading = false;
    if (exchange.done) return;
    if (piece === undefined) {
      failByClient(exchange, 500, "the body could not be read again");
      return;
    }
    deliver(piece);
    spill.pump();
  }

  function deliver(piece: Buffer): void {
    if (exchange.owner?.onBody(exchange, piece) === false) exchange.bodyBlocked = true;
  }

  const spill: BodySpill = {
    take(piece) {
      if (tail.length === 0 && file.append(piece)) return;
      tail.push(piece);
      exchange.io.thread.budget.add(piece.length);
    },
    mustWait: () => tail.length > 0 || file.isBehind(),
    isFull: () => tail.length > 0,
    pump() {
      if (isReading || exchange.done || exchange.bodyBlocked) return;
      if (exchange.bodyMode !== bodyMode.stream) return;
      if (file.length() > 0) {
        isReading = true;
        file.read((piece) => guard(io, () => onPiece(piece)));
        return;
      }
      for (let piece = tail.shift(); piece !== undefined; piece = tail.shift()) {
        exchange.io.thread.budget.add(-piece.length);
        deliver(piece);
        if (exchange.bodyBlocked || exchange.done) return;
      }
      exchange.bodySpill = undefined;
      file.close();
      if (exchange.bodyEnded) exchange.owner?.onBodyEnd(exchange);
      else awaitMore(io, exchange);
    },
    close() {
      for (const piece of tail.splice(0)) exchange.io.thread.budget.add(-piece.length);
      file.close();
    },
  };
  exchange.bodySpill = spill;
  return true;
}
