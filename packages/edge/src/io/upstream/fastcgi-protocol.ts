/**
 * FastCGI: records around a CGI answer, on connections that can be kept. What the program writes to its
 * STDERR goes to the edge's log, a bounded part of it per request.
 */
import type { Socket } from "node:net";
import {
  createFastcgiAnswerReader,
  encodeFastcgiRequest,
  type FastcgiAnswerReader,
  maxRecordContent,
  readFastcgiAnswer,
  recordPadding,
  resetFastcgiAnswerReader,
  stdinEnd,
  stdinStart,
} from "@stack/protocols";
import type { Exchange } from "../exchange.ts";
import { cgiDialect } from "./cgi-protocols.ts";
import { type CgiParamsOf, createCgiSender } from "./cgi-request.ts";
import {
  type AnswerReader,
  answerState,
  createAnswerReader,
  endAnswer,
  readAnswer,
  resetAnswerReader,
} from "./http-answer.ts";
import type { AnswerSource, ServerProtocol } from "./server-protocol.ts";

export interface FastcgiOptions {
  /** The server shall leave the connection open after the answer. */
  readonly keepOpen: boolean;
  readonly paramsOf: CgiParamsOf;
  /** A line of STDERR, without its end. */
  readonly onStderr: (line: string) => void;
}

/** Of one request's STDERR at most this much is logged. */
const stderrBytes = 8 * 1024;

export function createFastcgiProtocol(options: FastcgiOptions): ServerProtocol {
  return {
    send: createCgiSender(
      {
        head: (block) => encodeFastcgiRequest(block, options.keepOpen),
        writePiece: writeRecord,
        end: stdinEnd,
      },
      options.paramsOf,
    ),
    openSource: () => openSource(options),
  };
}

function writeRecord(socket: Socket, piece: Buffer): boolean {
  let hasRoom = true;
  socket.cork();
  for (let at = 0; at < piece.length; at += maxRecordContent) {
    const content = piece.subarray(at, at + maxRecordContent);
    socket.write(stdinStart(content.length), "latin1");
    hasRoom = socket.write(content);
    const padding = recordPadding(content.length);
    if (padding !== "") hasRoom = socket.write(padding, "latin1");
  }
  socket.uncork();
  return hasRoom;
}

function openSource(options: FastcgiOptions): AnswerSource {
  const records = createFastcgiAnswerReader();
  const reader = createAnswerReader(cgiDialect);
  const stderr = createLineSplitter(options.onStderr);
  /** The body has come to its end; that of the request is still awaited. */
  let isAnswered = false;

  const refuse = (problem: string): number => {
    stderr.flush();
    reader.problem = problem;
    reader.keepAlive = false;
    return answerState.bad;
  };
  const finish = (exchange: Exchange, hasMore: boolean): number => {
    stderr.flush();
    if (!isAnswered) {
      const state = endAnswer(reader, exchange, true);
      if (state !== answerState.complete) return refuse(reader.problem);
    }
    reader.keepAlive = options.keepOpen;
    reader.hasSurplus = hasMore;
    return answerState.complete;
  };
  return {
    reader,
    reset() {
      resetFastcgiAnswerReader(records);
      resetAnswerReader(reader);
      isAnswered = false;
    },
    read(exchange, buffer, length, limits, head, pool) {
      let at = 0;
      while (at < length && !records.done) {
        at = readFastcgiAnswer(records, buffer, at, length);
        if (records.problem !== "") {
          return wasRefused(records, reader) ? answerState.unserved : refuse(records.problem);
        }
        if (records.dataEnd === records.dataStart) continue;
        const piece = buffer.subarray(records.dataStart, records.dataEnd);
        if (records.stream === "stderr") {
          stderr.take(piece);
        } else if (!isAnswered) {
          const state = readAnswer(reader, exchange, piece, piece.length, limits, head, pool);
          if (state === answerState.bad) return refuse(reader.problem);
          isAnswered = state === answerState.complete;
          // Its client has all of it: nobody would ask us to read on.
          if (isAnswered) reader.blocked = false;
        }
      }
      return records.done ? finish(exchange, at < length) : answerState.open;
    },
    end(exchange) {
      stderr.flush();
      reader.keepAlive = false;
      // All of the answer was there; only the word that it was all is missing.
      if (isAnswered) return answerState.complete;
      return endAnswer(reader, exchange, false);
    },
  };
}

/** It said so with its END_REQUEST, before anything else: another server may have it. */
function wasRefused(records: FastcgiAnswerReader, reader: AnswerReader): boolean {
  return records.done && records.protocolStatus !== 0 && !reader.passedOn && reader.text === "";
}

/** Text to lines, a bounded number of bytes until the next `flush`. */
function createLineSplitter(onLine: (line: string) => void) {
  let rest = "";
  let taken = 0;
  const tell = (line: string): void => {
    const text = line.trimEnd();
    if (text !== "") onLine(text);
  };
  return {
    take(bytes: Buffer): void {
      const room = stderrBytes - taken;
      if (room <= 0) return;
      taken += bytes.length;
      const lines = (rest + bytes.toString("utf8", 0, Math.min(bytes.length, room))).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) tell(line);
    },
    flush(): void {
      tell(rest);
      rest = "";
      taken = 0;
    },
  };
}
