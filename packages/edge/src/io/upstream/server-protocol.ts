/**
 * What differs between the protocols servers speak: how a request is written, and how an answer is
 * read. Connections, pools, deadlines and bodies are the same for all of them.
 */
import type { Socket } from "node:net";
import {
  findHeadEnd,
  type HeadLimits,
  parseResponseHead,
  type ResponseHead,
} from "@stack/protocols";
import type { Exchange } from "../exchange.ts";
import type { ChunkPool } from "../static/chunk-pool.ts";
import {
  type AnswerDialect,
  type AnswerReader,
  createAnswerReader,
  endAnswer,
  readAnswer,
  readAnswerText,
  resetAnswerReader,
} from "./http-answer.ts";
import { sendHttpRequest } from "./http-request.ts";

/** What was written of a request, and how the rest of its body is. */
export interface Sending {
  /** False: the rest of the body comes through the exchange's owner. */
  readonly isComplete: boolean;
  /** A piece of the body, owned; false when the server should be waited for. */
  readonly writePiece: (socket: Socket, piece: Buffer) => boolean;
  /** After the last piece. */
  readonly writeEnd: (socket: Socket) => void;
  /** Nothing was written: the protocol cannot carry this request. */
  readonly refusal: { readonly status: number; readonly reason: string } | undefined;
}

/** Reads the answers of one connection, one after the other. */
export interface AnswerSource {
  /** What the answer under way amounts to. */
  readonly reader: AnswerReader;
  readonly reset: () => void;
  /** Takes buffer[0, length); see `readAnswer`. */
  readonly read: (
    exchange: Exchange,
    buffer: Buffer,
    length: number,
    limits: HeadLimits,
    head: ResponseHead,
    pool: ChunkPool,
  ) => number;
  /** See `readAnswerText`; undefined where answers are not heads and bodies as they are. */
  readonly readText?: (
    exchange: Exchange,
    received: string,
    limits: HeadLimits,
    head: ResponseHead,
    pool: ChunkPool,
  ) => number;
  /** See `endAnswer`. */
  readonly end: (exchange: Exchange, clean: boolean) => number;
}

export interface ServerProtocol {
  /**
   * Writes the head, and the body as far as it is there.
   *
   * @param hold takes a request that is complete, and leaves with the turn's other writes
   */
  readonly send: (socket: Socket, exchange: Exchange, hold: (text: string) => void) => Sending;
  readonly openSource: () => AnswerSource;
}

export const httpProtocol: ServerProtocol = {
  send: sendHttpRequest,
  openSource: () =>
    openPlainSource({ findEnd: findHeadEnd, parse: parseResponseHead, firstText: "HTTP/1." }),
};

/** Of answers that are a head and a body as they are. */
export function openPlainSource(dialect: AnswerDialect): AnswerSource {
  const reader = createAnswerReader(dialect);
  return {
    reader,
    reset: () => resetAnswerReader(reader),
    read: (exchange, buffer, length, limits, head, pool) =>
      readAnswer(reader, exchange, buffer, length, limits, head, pool),
    readText: (exchange, received, limits, head, pool) =>
      readAnswerText(reader, exchange, received, limits, head, pool),
    end: (exchange, clean) => endAnswer(reader, exchange, clean),
  };
}
