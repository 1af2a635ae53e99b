/**
 * A file, or a part of it, to a client at the client's pace: one chunk is read while the one before
 * is on its way, and none beyond what the exchange takes. The descriptor is closed at the end, on an
 * abort, and on an error, but never while a read is under way.
 */
import { read } from "node:fs";
import type { Exchange, ExchangeOwner } from "./exchange.ts";
import { closeQuietly } from "./static-lookup.ts";

const chunkBytes = 256 * 1024;

/**
 * Writes bytes `start` up to `end` of `fd` after a head that was begun, ends the exchange and closes
 * `fd`. A file that became shorter cuts the client off.
 */
export function streamFile(exchange: Exchange, fd: number, start: number, end: number): void {
  let position = start;
  let reading = false;
  let open = true;
  const finish = (): void => {
    open = false;
    if (!reading) closeQuietly(fd);
  };
  const next = (): void => {
    if (!open || reading) return;
    if (position >= end) {
      exchange.end();
      finish();
      return;
    }
    const length = Math.min(chunkBytes, end - position);
    // The exchange keeps what it is given, so each chunk is memory of its own.
    const chunk = Buffer.allocUnsafeSlow(length);
    reading = true;
    read(fd, chunk, 0, length, position, (error, count) => {
      reading = false;
      if (!open) {
        closeQuietly(fd);
      } else if (error !== null || count === 0) {
        exchange.fail(500, "the file could not be read to its end");
        finish();
      } else {
        position += count;
        if (exchange.write(count === length ? chunk : chunk.subarray(0, count))) next();
        else if (position >= end) next();
      }
    });
  };
  const owner: ExchangeOwner = {
    onAbort: finish,
    onDrain: next,
    onBody: () => true,
    onBodyEnd() {},
  };
  exchange.owner = owner;
  next();
}
