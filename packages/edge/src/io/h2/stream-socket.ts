/**
 * One stream of HTTP/2 in the place of a client's socket: the part of a socket that the code of
 * client connections uses, no more. Closing it closes the stream; the connection stays.
 */
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

export function createStreamSocket(stream: ServerHttp2Stream): Socket {
  const isOpen = (): boolean => !stream.destroyed && !stream.closed && !stream.writableEnded;
  /** A client that has not got all of the answer must see it: NO_ERROR says that it has. */
  const cut = (): void => {
    if (stream.destroyed) return;
    const { NGHTTP2_NO_ERROR: whole, NGHTTP2_INTERNAL_ERROR: broken } = constants;
    stream.close(stream.writableFinished ? whole : broken);
  };
  const socket = {
    get writableLength() {
      return stream.writableLength;
    },
    get writableNeedDrain() {
      return stream.writableNeedDrain;
    },
    write: (bytes: Buffer | string, encoding: BufferEncoding = "utf8") =>
      isOpen() ? stream.write(bytes, encoding) : true,
    end() {
      if (isOpen()) stream.end();
    },
    cork: () => stream.cork(),
    uncork: () => stream.uncork(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    destroy: cut,
    resetAndDestroy: cut,
  };
  return socket as unknown as Socket;
}
