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
import type { Sending } from "./server-protocol.ts";

/** Bodies up to this size are joined with the head. */
const joinBytes = 16 * 1024;

const whole: Sending = {
  isComplete: true,
  writePiece: () => true,
  writeEnd: () => {},
  refusal: undefined,
};
const sized: Sending = {
  ...whole,
  isComplete: false,
  writePiece: (socket, piece) => socket.write(piece),
};
const chunked: Sending = {
  ...whole,
  isComplete: false,
  writePiece: chunkOf,
  writeEnd: (socket) => void socket.write(lastChunk, "latin1"),
};

/** See `ServerProtocol.send`. A body that is known is sent with its length. */
export function sendHttpRequest(
  socket: Socket,
  exchange: Exchange,
  hold: (text: string) => void,
): Sending {
  const length = exchange.bodyEnded ? exchange.bodyReceived : exchange.bodyLength;
  if (exchange.bodyLength === 0) {
    const framing = exchange.head.contentLength === 0 ? 0 : noBody;
    hold(formatHead(exchange, framing));
    return whole;
  }
  if (!exchange.bodyComplete) {
    const isChunked = length < 0;
    socket.write(formatHead(exchange, isChunked ? chunkedBody : length), "latin1");
    return isChunked ? chunked : sized;
  }
  const head = formatHead(exchange, length);
  if (exchange.bodyBytes <= joinBytes) {
    let text = head;
    for (const piece of exchange.body) text += piece.toString("latin1");
    hold(text);
    return whole;
  }
  socket.cork();
  socket.write(head, "latin1");
  for (const piece of exchange.body) socket.write(piece);
  socket.uncork();
  return whole;
}

/** A piece of a body of unknown length; false when the server should be waited for. */
function chunkOf(socket: Socket, piece: Buffer): boolean {
  socket.cork();
  socket.write(chunkStart(piece.length), "latin1");
  socket.write(piece);
  const hasRoom = socket.write(chunkEnd, "latin1");
  socket.uncork();
  return hasRoom;
}

function formatHead(exchange: Exchange, framing: number): string {
  const text = formatForwardedRequest(exchange.head, forwardOptions(exchange, framing));
  if (exchange.upgrade === "") return text;
  return `${text.slice(0, -2)}Connection: upgrade\r\nUpgrade: ${exchange.upgrade}\r\n\r\n`;
}

/** Who sent the request, for those behind us; "" when it has said itself whom it speaks for. */
export function peerToTell({ client, connection }: Exchange): string {
  const isTold = client.trusted && connection.front?.hasSaid === true;
  return isTold ? "" : connection.peerAddress;
}

/** What the edge says about a request besides its head. */
export function forwardOptions(exchange: Exchange, framing: number): ForwardOptions {
  const { client, connection, head, route } = exchange;
  return {
    peerAddress: peerToTell(exchange),
    peerPort: connection.peerPort,
    clientAddress: client.address,
    scheme: connection.scheme,
    trusted: client.trusted,
    serverName: connection.serverName,
    serverPort: connection.serverPort,
    stripPrefix: route.stripLength === 0 ? "" : head.path.slice(0, route.stripLength),
    framing,
    said: connection.said,
  };
}
