/**
 * A file, or a part of it, to a client at the client's pace: one chunk is read while the one before
 * is on its way, and none beyond what the exchange takes. The descriptor is closed at the end, on an
 * abort, and on an error, but never while a read is under way.
 */
import { read } from "node:fs";
import type { Exchange, ExchangeOwner } from "../exchange.ts";
import type { ChunkPool } from "./chunk-pool.ts";
import { closeQuietly } from "./static-lookup.ts";

/** Bytes `start` up to `end` of the file, after a text of our own. */
export interface FileSegment {
  readonly before: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Writes the segments and `last` after a head that was begun, ends the exchange and closes `fd`. A
 * file that became shorter cuts the client off.
 */
export function streamFile(
  exchange: Exchange,
  fd: number,
  segments: readonly FileSegment[],
  last: string,
  pool: ChunkPool,
): void {
  let segment = 0;
  let position = 0;
  let end = 0;
  let reading = false;
  let open = true;
  /** Chunks that the exchange may still hold. */
  let given: Buffer[] = [];
  const finish = (): void => {
    open = false;
    if (!reading) closeQuietly(fd);
  };
  const reclaim = (): void => {
    if (given.length === 0 || exchange.done || !exchange.isFlushed()) return;
    for (const chunk of given) pool.give(chunk);
    given = [];
  };
  const next = (): void => {
    if (!open || reading) return;
    reclaim();
    while (position >= end) {
      const following = segments[segment];
      if (following === undefined) {
        if (last !== "") exchange.write(last);
        exchange.end();
        finish();
        return;
      }
      segment += 1;
      position = following.start;
      end = following.end;
      if (following.before !== "") exchange.write(following.before);
    }
    const chunk = pool.take();
    const length = Math.min(chunk.length, end - position);
    reading = true;
    read(fd, chunk, 0, length, position, (error, count) => {
      reading = false;
      if (!open) {
        closeQuietly(fd);
        pool.give(chunk);
      } else if (error !== null || count === 0) {
        exchange.fail(500, "the file could not be read to its end");
        finish();
      } else {
        try {
          pass(chunk, count);
        } catch {
          // An exception of ours costs this answer, not the thread.
          if (open) finish();
          exchange.fail(500, "the file could not be passed on");
        }
      }
    });
  };
  const pass = (chunk: Buffer, count: number): void => {
    position += count;
    given.push(chunk);
    const hasRoom = exchange.write(count === chunk.length ? chunk : chunk.subarray(0, count));
    // Nothing more is read for a client that takes no more, but an end needs no room.
    if (hasRoom || (position >= end && segment === segments.length)) next();
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

/** As `streamFile`, of a content in memory: in pieces, at the client's pace. */
export function streamMemory(
  exchange: Exchange,
  body: Buffer,
  segments: readonly FileSegment[],
  last: string,
): void {
  let segment = 0;
  let position = 0;
  let end = 0;
  const next = (): void => {
    for (;;) {
      if (position < end) {
        const from = position;
        position = Math.min(from + pieceBytes, end);
        const hasRoom = exchange.write(body.subarray(from, position));
        const isLast = position >= end && segment === segments.length;
        if (!hasRoom && !isLast) return; // an end needs no room
        continue;
      }
      const following = segments[segment];
      if (following === undefined) break;
      segment += 1;
      position = following.start;
      end = following.end;
      if (following.before !== "") exchange.write(following.before);
    }
    if (last !== "") exchange.write(last);
    exchange.end();
  };
  exchange.owner = { onAbort() {}, onDrain: next, onBody: () => true, onBodyEnd() {} };
  next();
}

/** Of a content in memory, given to the socket at once. */
const pieceBytes = 512 * 1024;
