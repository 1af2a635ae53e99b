/**
 * FastCGI, our side as a server: the records of a web server, out of a read buffer that others use
 * after us. Requests come one after the other; a second one at the same time is turned away with
 * CANT_MPX_CONN, and what asks about us is answered: `reply` then holds what to write.
 */
import { assertNever } from "@stack/base";
import type { CgiBlock } from "../worker/frames.ts";
import { encodeEndRequest, encodeUnknownType, encodeValues } from "./encode-fastcgi.ts";
import { decodePairs } from "./pairs.ts";
import {
  createRecordReader,
  protocolStatus,
  type RecordReader,
  readRecord,
  recordType,
} from "./records.ts";

/**
 * What the last call found. `params`: the head is complete, `block` has it. `stdin`: a piece of
 * the body, buffer[dataStart, dataEnd). `stdinEnd`: the body is complete. `abort`: give it up, and
 * END_REQUEST. `reply`: write `reply` now.
 */
export type FastcgiEvent = "none" | "params" | "stdin" | "stdinEnd" | "abort" | "reply";

export interface FastcgiRequestReader {
  event: FastcgiEvent;
  dataStart: number;
  dataEnd: number;
  block: CgiBlock;
  reply: string;
  /** What is wrong; then the connection must be closed. */
  problem: string;
  /** Of the request under way, for the records of its answer; 0 when there is none. */
  id: number;
  /** Whether the connection stays open after the answer. */
  keepOpen: boolean;
  stage: "params" | "stdin" | "complete";
  /** The PARAMS stream so far. */
  params: string;
  /** What becomes of the record under way, and its content where that is needed whole. */
  use: "drop" | "whole" | "params" | "stdin";
  content: string;
  /** The id of the request that was finished last: its body may still come. */
  finished: number;
  /** Bytes that brought no request further. */
  idleBytes: number;
  readonly record: RecordReader;
}

/** Most bytes of PARAMS. */
export const maxFastcgiParams = 128 * 1024;
const maxIdleBytes = 64 * 1024;
const maxValues = 4096;
const responder = 1;

export function createFastcgiRequestReader(): FastcgiRequestReader {
  return {
    event: "none",
    dataStart: 0,
    dataEnd: 0,
    block: "",
    reply: "",
    problem: "",
    id: 0,
    keepOpen: false,
    stage: "complete",
    params: "",
    use: "drop",
    content: "",
    finished: 0,
    idleBytes: 0,
    record: createRecordReader(),
  };
}

/** The request was answered, END_REQUEST written: what may still come of its body is read past. */
export function finishFastcgiRequest(reader: FastcgiRequestReader): void {
  reader.finished = reader.id;
  reader.id = 0;
  reader.block = "";
  reader.params = "";
}

/**
 * Reads on in buffer[start, end) to the next event. Call it again from the offset it returned until
 * that is `end`, or `problem` is set.
 *
 * @returns the offset after what was read
 */
export function readFastcgiRequest(
  reader: FastcgiRequestReader,
  buffer: Buffer,
  start: number,
  end: number,
): number {
  const { record } = reader;
  let at = start;
  reader.event = "none";
  reader.reply = "";
  while (at < end && reader.problem === "" && reader.event === "none") {
    at = readRecord(record, buffer, at, end);
    if (record.begun) {
      reader.content = "";
      reader.problem = judgeRecord(reader);
      if (reader.problem !== "") break;
    }
    if (record.dataEnd > record.dataStart) takeContent(reader, buffer);
    if (record.ended) reader.problem = endRecord(reader);
  }
  return at;
}

/** Decides by its header what becomes of a record; "" when it may come now. */
function judgeRecord(reader: FastcgiRequestReader): string {
  const { version, type, id, length } = reader.record;
  if (version !== 1) return "it is not FastCGI 1";
  reader.use = "drop";
  if (id === 0) {
    if (type < recordType.getValues) return "a FastCGI record of no request";
    if (type !== recordType.getValues) return waste(reader, length);
    if (length > maxValues) return "a GET_VALUES that is too long";
    reader.use = "whole";
    return waste(reader, length);
  }
  if (type === recordType.beginRequest) {
    if (id === reader.id) return "a second BEGIN_REQUEST of the same id";
    if (length !== 8) return "a BEGIN_REQUEST of the wrong length";
    reader.use = "whole";
    return waste(reader, length);
  }
  if (id === reader.id) return judgeOwn(reader, type, length);
  if (id === reader.finished && type === recordType.stdin)
    return length > 0 ? "" : waste(reader, 0);
  // Of a request that was turned away.
  return waste(reader, length);
}

/** The same for a record of the request under way. */
function judgeOwn(reader: FastcgiRequestReader, type: number, length: number): string {
  switch (type) {
    case recordType.params:
      if (reader.stage !== "params") return "PARAMS after their end";
      if (reader.params.length + length > maxFastcgiParams) return "PARAMS that are too long";
      reader.use = "params";
      return "";
    case recordType.stdin:
      if (reader.stage !== "stdin") return "STDIN where none is due";
      reader.use = "stdin";
      return "";
    case recordType.abortRequest:
      return waste(reader, length);
    default:
      return "a FastCGI record of a type that is not a client's";
  }
}

function waste(reader: FastcgiRequestReader, length: number): string {
  reader.idleBytes += 8 + length;
  return reader.idleBytes > maxIdleBytes ? "FastCGI records that bring no request" : "";
}

function takeContent(reader: FastcgiRequestReader, buffer: Buffer): void {
  const { dataStart, dataEnd } = reader.record;
  switch (reader.use) {
    case "params":
      reader.params += buffer.toString("latin1", dataStart, dataEnd);
      break;
    case "whole":
      reader.content += buffer.toString("latin1", dataStart, dataEnd);
      break;
    case "stdin":
      reader.dataStart = dataStart;
      reader.dataEnd = dataEnd;
      reader.event = "stdin";
      break;
    case "drop":
      break;
    default:
      assertNever(reader.use);
  }
}

/** Acts on a record that is complete; returns what is wrong with it. */
function endRecord(reader: FastcgiRequestReader): string {
  const { type, id, length } = reader.record;
  if (id === 0) {
    if (type === recordType.getValues) return answerValues(reader);
    if (type > recordType.unknownType) say(reader, encodeUnknownType(type));
    return "";
  }
  if (type === recordType.beginRequest) {
    beginRequest(reader);
    return "";
  }
  if (id !== reader.id) return "";
  if (type === recordType.abortRequest) {
    reader.event = "abort";
  } else if (length === 0 && type === recordType.params) {
    const block = decodePairs(reader.params);
    reader.params = "";
    if (block === undefined) return "PARAMS that do not add up";
    reader.block = block;
    reader.stage = "stdin";
    reader.event = "params";
  } else if (length === 0) {
    reader.stage = "complete";
    reader.event = "stdinEnd";
  }
  return "";
}

function beginRequest(reader: FastcgiRequestReader): void {
  const { content, record } = reader;
  if (reader.id !== 0) {
    say(reader, encodeEndRequest(record.id, 0, protocolStatus.cannotMultiplex));
    return;
  }
  if (content.charCodeAt(0) * 256 + content.charCodeAt(1) !== responder) {
    say(reader, encodeEndRequest(record.id, 0, protocolStatus.unknownRole));
    return;
  }
  reader.id = record.id;
  reader.keepOpen = (content.charCodeAt(2) & 1) === 1;
  reader.stage = "params";
  reader.params = "";
  reader.finished = 0;
  reader.idleBytes = 0;
}

function answerValues(reader: FastcgiRequestReader): string {
  const asked = decodePairs(reader.content);
  if (asked === undefined) return "GET_VALUES that do not add up";
  const asksIt = `\0${asked}`.includes("\0FCGI_MPXS_CONNS\0");
  say(reader, encodeValues(asksIt ? "FCGI_MPXS_CONNS\x000" : ""));
  return "";
}

function say(reader: FastcgiRequestReader, reply: string): void {
  reader.reply = reply;
  reader.event = "reply";
}
