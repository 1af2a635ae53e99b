/**
 * One stream of HTTP/2 in the place of a client's socket: the part of a socket that the code of
 * client connections uses, no more. Closing it closes the stream; the connection stays.
 */
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

export function createStreamSocket(stream: ServerHttp2Stream): Socket {
  const isOpen = (): boolean => !stream.destroyed && !stream.closed && !stream.writableEnded;
  /** The client must see that what it has is not all: never NO_ERROR. */
  const cut = (): void => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
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
