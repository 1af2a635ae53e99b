/**
 * An answer beyond `limits.bufferBytes` that its client does not read as fast as it comes: the rest
 * goes to disk, so that whoever answers is free as soon as it has said all. The methods replace
 * those of an ordinary exchange until the client has caught up.
 */
import { chunkEnd, chunkStart } from "@stack/protocols";
import { guard } from "../client/client-connection.ts";
import { accountOutput, flush } from "../client/client-output.ts";
import type { AnswerSpill, ClientExchange } from "../client/client-state.ts";
import type { Bytes } from "../exchange.ts";
import type { SpillFile } from "./spill-file.ts";

/** @param open undefined when the bound is reached */
export function startAnswerSpill(
  exchange: ClientExchange,
  open: (onCaughtUp: () => void) => SpillFile | undefined,
): boolean {
  const { io, write, end, isFlushed } = exchange;
  /** What the file did not take. */
  const tail: Buffer[] = [];
  let isReading = false;
  let hasEnded = false;
  /** The owner was told to wait. */
  let isOwnerWaiting = false;

  const file = open(() => guard(io, letOwnerGoOn));
  if (file === undefined) return false;

  function letOwnerGoOn(): void {
    if (!isOwnerWaiting || exchange.done || tail.length > 0) return;
    isOwnerWaiting = false;
    exchange.owner?.onDrain(exchange);
  }

  function keep(bytes: Bytes): void {
    const buffer = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    if (tail.length === 0 && file?.append(buffer) === true) return;
    tail.push(buffer);
    io.thread.budget.add(buffer.length);
  }

  function spillWrite(this: ClientExchange, bytes: Bytes): boolean {
    if (this.done || hasEnded || bytes.length === 0) return true;
    const left = this.answerLength < 0 ? bytes.length : this.answerLength - this.answerBytes;
    const piece =
      bytes.length <= left
        ? bytes
        : typeof bytes === "string"
          ? bytes.slice(0, left)
          : bytes.subarray(0, left);
    if (piece.length === 0) return true;
    this.answerBytes += piece.length;
    if (this.answerChunked) keep(chunkStart(piece.length));
    keep(piece);
    if (this.answerChunked) keep(chunkEnd);
    spill.pump();
    isOwnerWaiting = !exchange.done && (tail.length > 0 || (file?.isBehind() ?? false));
    return !isOwnerWaiting;
  }

  function spillEnd(this: ClientExchange): void {
    if (this.done || hasEnded) return;
    hasEnded = true;
    // Whoever answered is done with it, and may answer another.
    this.owner = undefined;
    spill.pump();
  }

  function onPiece(piece: Buffer | undefined): void {
    isReading = false;
    if (exchange.done) return;
    if (piece === undefined) {
      exchange.fail(500, "the answer could not be read again");
      return;
    }
    io.socket.write(piece);
    spill.pump();
  }

  /** The client has caught up: as before. */
  function stop(): void {
    exchange.answerSpill = undefined;
    exchange.write = write;
    exchange.end = end;
    exchange.isFlushed = isFlushed;
    file?.close();
    if (hasEnded) exchange.end();
    else letOwnerGoOn();
  }

  const spill: AnswerSpill = {
    pump() {
      if (isReading || exchange.done) return;
      flush(io);
      accountOutput(io);
      if (io.socket.writableNeedDrain) return;
      if ((file?.length() ?? 0) > 0) {
        isReading = true;
        file?.read((piece) => guard(io, () => onPiece(piece)));
        return;
      }
      for (let piece = tail.shift(); piece !== undefined; piece = tail.shift()) {
        io.thread.budget.add(-piece.length);
        if (!io.socket.write(piece)) return;
      }
      stop();
    },
    close() {
      for (const piece of tail.splice(0)) io.thread.budget.add(-piece.length);
      file?.close();
    },
  };
  exchange.answerSpill = spill;
  exchange.write = spillWrite;
  exchange.end = spillEnd;
  exchange.isFlushed = () => false;
  return true;
}
