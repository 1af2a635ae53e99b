/**
 * Reads past Node's stream machinery. Of a socket that reads into a buffer of its owner's the machinery
 * has only to pass a length on, once for each read. So libuv's handle tells the owner itself; whatever
 * is no bytes, an end or an error, goes to the stream as ever.
 */
import type { Socket } from "node:net";
import type { ReadSymbols, SocketInternals, StreamBinding } from "./node-streams.ts";

/** For a socket that reads by `onread`, or was adopted in place; others stay as they are. */
export function quickenReads(socket: Socket, binding: StreamBinding, symbols: ReadSymbols): void {
  const { streamBaseState, kReadBytesOrError } = binding;
  const internals = socket as unknown as SocketInternals;
  const handle = internals._handle;
  const slow = handle?.onread;
  const buffer = internals[symbols.buffer];
  const onRead = internals[symbols.callback];
  if (typeof handle?.readStop !== "function" || typeof slow !== "function") return;
  if (!Buffer.isBuffer(buffer) || typeof onRead !== "function") return;
  handle.onread = (bytes) => {
    const length = streamBaseState[kReadBytesOrError] as number;
    if (length <= 0) {
      slow.call(handle, bytes);
    } else if (onRead(length, buffer) === false && !socket.destroyed) {
      handle.reading = false;
      handle.readStop?.();
    }
  };
}
