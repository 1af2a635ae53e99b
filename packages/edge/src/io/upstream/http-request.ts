/** How a request is written to an HTTP server: head and small body in one write, the rest as it comes. */
import type { Socket } from "node:net";
import {
  chunkEnd,
  chunkedBody,
  chunkStart,
  type ForwardOptions,
  formatForwardedRequest,
  lastChunk,
  noBody,
} from "@stack/protocols";
import type { Exchange } from "../exchange.ts";

/** Bodies up to this size are joined with the head. */
const joinBytes = 16 * 1024;

export interface Sending {
  /** False: the rest of the body comes through the exchange's owner. */
  readonly isComplete: boolean;
  readonly isChunked: boolean;
}

const whole: Sending = { isComplete: true, isChunked: false };
const sized: Sending = { isComplete: false, isChunked: false };
const chunked: Sending = { isComplete: false, isChunked: true };

/** Writes the head, and the body when it is complete. A body that is known is sent with its length. */
export function sendHttpRequest(socket: Socket, exchange: Exchange): Sending {
  const { bodyLength } = exchange;
  if (bodyLength === 0) {
    const framing = exchange.head.contentLength === 0 ? 0 : noBody;
    socket.write(formatHead(exchange, framing), "latin1");
    return whole;
  }
  if (!exchange.bodyComplete) {
    const isChunked = bodyLength < 0;
    socket.write(formatHead(exchange, isChunked ? chunkedBody : bodyLength), "latin1");
    return isChunked ? chunked : sized;
  }
  const head = formatHead(exchange, exchange.bodyBytes);
  if (exchange.bodyBytes <= joinBytes) {
    let text = head;
    for (const piece of exchange.body) text += piece.toString("latin1");
    socket.write(text, "latin1");
    return whole;
  }
  socket.cork();
  socket.write(head, "latin1");
  for (const piece of exchange.body) socket.write(piece);
  socket.uncork();
  return whole;
}

/** A piece of a body of unknown length; false when the server should be waited for. */
export function chunkOf(socket: Socket, piece: Buffer): boolean {
  socket.cork();
  socket.write(chunkStart(piece.length), "latin1");
  socket.write(piece);
  const hasRoom = socket.write(chunkEnd, "latin1");
  socket.uncork();
  return hasRoom;
}

export function lastChunkOf(socket: Socket): void {
  socket.write(lastChunk, "latin1");
}

function formatHead(exchange: Exchange, framing: number): string {
  const { client, connection, head, route } = exchange;
  const options: ForwardOptions = {
    peerAddress: connection.peerAddress,
    peerPort: connection.peerPort,
    clientAddress: client.address,
    scheme: connection.scheme,
    trusted: client.trusted,
    serverName: connection.serverName,
    serverPort: connection.serverPort,
    stripPrefix: route.stripLength === 0 ? "" : head.path.slice(0, route.stripLength),
    framing,
  };
  return formatForwardedRequest(head, options);
}
