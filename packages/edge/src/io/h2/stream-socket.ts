/**
 * One stream of HTTP/2 in the place of a client's socket: the part of a socket that the code of
 * client connections uses, no more. Closing it closes the stream; the connection stays.
 *
 * nghttp2 copies what it is given as soon as the client's windows allow, and a client may open all of
 * them wide and read nothing. So it gets one share at a time; the rest waits here, not copied.
 */
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { h2ErrorCodes } from "../../core/h2/error-codes.ts";

/**
 * @param share how many bytes may be handed on at once
 * @param onDrain as a socket's event
 */
export function createStreamSocket(
  stream: ServerHttp2Stream,
  share: () => number,
  onDrain: () => void,
): Socket {
  let pieces: Buffer[] = [];
  let waiting = 0;
  let isHanding = false;
  let corks = 0;
  let hasEnded = false;
  /** Somebody was told to wait. */
  let owesDrain = false;

  const isOpen = (): boolean => !stream.destroyed && !stream.closed && !hasEnded;
  const mustWait = (): boolean => waiting > 0 || stream.writableNeedDrain;

  function write(bytes: Buffer | string, encoding: BufferEncoding = "utf8"): boolean {
    if (!isOpen()) return true;
    if (!isHanding && corks === 0 && pieces.length === 0 && bytes.length <= share()) {
      isHanding = true;
      stream.write(bytes, encoding, onHanded);
    } else {
      const piece = typeof bytes === "string" ? Buffer.from(bytes, encoding) : bytes;
      pieces.push(piece);
      waiting += piece.length;
      if (corks === 0) hand();
    }
    owesDrain = mustWait();
    return !owesDrain;
  }

  function hand(): void {
    if (isHanding || pieces.length === 0) return;
    isHanding = true;
    let room = share();
    let taken = 0;
    stream.cork();
    while (taken < pieces.length && room > 0) {
      const piece = pieces[taken] as Buffer;
      const part = piece.length <= room ? piece : piece.subarray(0, room);
      room -= part.length;
      waiting -= part.length;
      if (part === piece) taken += 1;
      else pieces[taken] = piece.subarray(part.length);
      const isLast = room === 0 || taken === pieces.length;
      stream.write(part, isLast ? onHanded : undefined);
    }
    stream.uncork();
    pieces.splice(0, taken);
    if (hasEnded && pieces.length === 0) stream.end();
  }

  function onHanded(): void {
    isHanding = false;
    hand();
    tellDrain();
  }

  function tellDrain(): void {
    if (!owesDrain || mustWait()) return;
    owesDrain = false;
    onDrain();
  }

  /** A client that has not got all of the answer must see it: NO_ERROR says that it has. */
  const cut = (): void => {
    if (stream.destroyed) return;
    if (stream.writableFinished) stream.close(h2ErrorCodes.noError);
    else resetStream(stream, h2ErrorCodes.internalError);
  };

  stream.on("drain", tellDrain);
  stream.on("close", () => {
    pieces = [];
    waiting = 0;
  });
  const socket = {
    get writableLength() {
      return waiting + stream.writableLength;
    },
    get writableNeedDrain() {
      return mustWait();
    },
    write,
    end() {
      if (!isOpen()) return;
      hasEnded = true;
      if (pieces.length === 0) stream.end();
    },
    cork() {
      corks += 1;
    },
    uncork() {
      corks -= 1;
      if (corks === 0) hand();
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    destroy: cut,
    resetAndDestroy: cut,
  };
  return socket as unknown as Socket;
}

/**
 * Ends a stream whose answer is not complete. Node would say END_STREAM before the RST_STREAM, and a
 * client that hears of both takes what it has for all.
 */
export function resetStream(stream: ServerHttp2Stream, code: number): void {
  stream.end = () => stream;
  stream.close(code);
}
