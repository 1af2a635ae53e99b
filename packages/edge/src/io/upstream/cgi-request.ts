/**
 * What requests of uwsgi, SCGI and FastCGI have in common: the variables, and a body whose length is
 * known before it begins. One in chunks has all come by then, to memory or disk, or is refused.
 */
import type { Socket } from "node:net";
import { type CgiBlock, type CgiParams, formatCgiParams, noBody } from "@stack/protocols";
import type { Exchange } from "../exchange.ts";
import { forwardOptions } from "./http-request.ts";
import type { Sending, ServerProtocol } from "./server-protocol.ts";

/** The variables of one request besides its own: the script, if it names one. */
export type CgiParamsOf = (exchange: Exchange) => CgiParams;

/** How a protocol writes what. Texts are latin-1. */
export interface CgiFraming {
  /** The head; "" when the variables are too long for the protocol. */
  readonly head: (block: CgiBlock) => string;
  readonly writePiece: (socket: Socket, piece: Buffer) => boolean;
  /** Ends the body; "" where its length says enough. */
  readonly end: string;
}

/** Bodies up to this size leave in the same write as the head. */
const corkBytes = 64 * 1024;

const nothing = (): boolean => true;
const whole: Sending = {
  isComplete: true,
  writePiece: nothing,
  writeEnd: () => {},
  refusal: undefined,
};
const lengthRequired: Sending = {
  ...whole,
  refusal: {
    status: 411,
    reason: "a body this long needs a Content-Length here, or limits.spillBytes",
  },
};
const tooLarge: Sending = {
  ...whole,
  refusal: { status: 431, reason: "the headers are too large" },
};

export function createCgiSender(
  framing: CgiFraming,
  paramsOf: CgiParamsOf,
): ServerProtocol["send"] {
  const partial: Sending = {
    ...whole,
    isComplete: false,
    writePiece: framing.writePiece,
    writeEnd: (socket) => {
      if (framing.end !== "") socket.write(framing.end, "latin1");
    },
  };
  return (socket, exchange, hold) => {
    const length = exchange.bodyEnded ? exchange.bodyReceived : exchange.bodyLength;
    if (length < 0) return lengthRequired;
    const announced = length === 0 && exchange.head.contentLength < 0 ? noBody : length;
    const options = forwardOptions(exchange, announced);
    options.scheme = exchange.client.scheme;
    const head = framing.head(formatCgiParams(exchange.head, options, paramsOf(exchange)));
    if (head === "") return tooLarge;
    if (length === 0) {
      hold(head + framing.end);
      return whole;
    }
    if (!exchange.bodyComplete) {
      socket.write(head, "latin1");
      return partial;
    }
    const isCorked = exchange.bodyBytes <= corkBytes;
    if (isCorked) socket.cork();
    socket.write(head, "latin1");
    for (const piece of exchange.body) framing.writePiece(socket, piece);
    if (framing.end !== "") socket.write(framing.end, "latin1");
    if (isCorked) socket.uncork();
    return whole;
  };
}
