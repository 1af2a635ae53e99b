/**
 * The PROXY header before anything else on a connection from a listed proxy: read within a bound of
 * bytes and time. What follows it belongs to the protocol behind.
 */
import type { Socket } from "node:net";
import { createProxyHeader, maxProxyHeaderBytes, parseProxyHeader } from "@stack/protocols";
import type { ClientConnection } from "../client/client-state.ts";

type Facts = ClientConnection["facts"];

/**
 * Reads the header; the socket is paused when `onDone` is called. One that is no header ends the
 * connection without a word: whoever sent it speaks something else.
 *
 * @param onDone given the client's facts, and what was read beyond the header
 */
export function readProxyHeader(
  socket: Socket,
  facts: Facts,
  onDone: (facts: Facts, rest: Buffer) => void,
): void {
  const header = createProxyHeader();
  let read: Buffer = Buffer.alloc(0);
  const onData = (piece: Buffer): void => {
    read = read.length === 0 ? piece : Buffer.concat([read, piece]);
    const end = parseProxyHeader(read, 0, read.length, header);
    if (end === 0 && read.length < maxProxyHeaderBytes) return;
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.pause();
    if (end <= 0) {
      socket.destroy();
      return;
    }
    const client = header.hasAddresses
      ? { ...facts, peerAddress: header.sourceAddress, peerPort: header.sourcePort, isUnix: false }
      : facts;
    onDone(client, read.subarray(end));
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.resume();
}
