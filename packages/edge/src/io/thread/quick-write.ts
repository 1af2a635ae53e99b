/**
 * Writes without Node's stream machinery. Nearly always the kernel takes an answer whole, and then a
 * stream has nothing to do: its bookkeeping costs a tenth of a proxied request. So
 * `socket.write(text, "latin1")` and `socket.write(buffer)` of an idle socket go to libuv's handle
 * at once; only when the kernel did not take all is the stream told of it, as of any write under
 * way. Everything else, and every Node that has no such handle, writes as ever.
 */
import type { Socket } from "node:net";
import type { SocketInternals, StreamBinding, WriteRequest } from "./node-streams.ts";

/** Node tries these at once; of a longer text it makes a copy first. */
const quickTextBytes = 16 * 1024;

/** What makes the writes of a socket quick. */
export function createWriteQuickener(binding: StreamBinding): (socket: Socket) => void {
  const { WriteWrap, streamBaseState, kLastWriteWasAsync } = binding;
  /** Nothing becomes of a request whose write was done at once: the next write takes it again. */
  let spare = new WriteWrap();
  return (socket) => {
    const internals = socket as unknown as SocketInternals;
    const write = socket.write as (...args: readonly unknown[]) => boolean;
    const { cork, end } = socket;
    /** The stream may have something to say: it was given a write, corked or ended. */
    let isInvolved = true;
    const slow = (chunk: unknown, encoding: unknown, done: unknown): boolean => {
      isInvolved = true;
      return write.call(socket, chunk, encoding, done);
    };
    const isIdle = (): boolean =>
      socket.writableLength === 0 &&
      socket.writableCorked === 0 &&
      !socket.connecting &&
      !socket.writableEnded &&
      !socket.destroyed;
    const quick = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
      const handle = internals._handle; // null when destroyed
      if (
        done !== undefined ||
        handle?.writeLatin1String === undefined ||
        handle.writeBuffer === undefined
      ) {
        return slow(chunk, encoding, done);
      }
      if (isInvolved) {
        if (!isIdle()) return slow(chunk, encoding, done);
        isInvolved = false;
      }
      const request = spare;
      let failure: number;
      if (typeof chunk === "string") {
        const isQuick = encoding === "latin1" && chunk.length > 0 && chunk.length <= quickTextBytes;
        if (!isQuick) return slow(chunk, encoding, done);
        failure = handle.writeLatin1String(request, chunk);
      } else if (chunk instanceof Uint8Array && chunk.length > 0) {
        failure = handle.writeBuffer(request, chunk);
      } else return slow(chunk, encoding, done);
      if (failure === 0 && streamBaseState[kLastWriteWasAsync] === 0) return true;
      spare = new WriteWrap();
      // What cannot be written now fails again, where the stream sees it.
      if (failure !== 0) return slow(chunk, encoding, done);
      if (typeof chunk !== "string") request.buffer = chunk;
      return adoptWrite(socket, internals, request, () => slow(chunk, encoding, done));
    };
    socket.write = quick as Socket["write"];
    socket.cork = () => {
      isInvolved = true;
      cork.call(socket);
    };
    socket.end = ((...rest: Parameters<Socket["end"]>) => {
      isInvolved = true;
      return end.apply(socket, rest);
    }) as Socket["end"];
  };
}

/** The kernel did not take all of it: the stream counts it as its own write under way. */
function adoptWrite(
  socket: Socket,
  internals: SocketInternals,
  request: WriteRequest,
  writeAgain: () => boolean,
): boolean {
  let finish: (error?: Error | null) => void = () => {};
  internals._write = (_chunk, _encoding, done) => {
    finish = done;
  };
  const hasRoom = writeAgain();
  delete internals._write; // the prototype's again
  request.oncomplete = (status) => {
    finish(status < 0 && !socket.destroyed ? new Error(`write failed: ${status}`) : null);
  };
  return hasRoom;
}
