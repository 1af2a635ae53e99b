/**
 * Reads the answer of an HTTP server and passes it to an exchange, as it comes. Everything is read
 * out of a buffer that others use next: what is passed on is text or a copy, never a view of it.
 * Framing is judged by the codec; an answer that breaks it is a 502, or cut off when it had begun.
 */
import {
  type ChunkedDecoder,
  clearResponseHead,
  createChunkedDecoder,
  decodeChunked,
  type HeadLimits,
  headerValue,
  type ResponseHead,
  resetChunkedDecoder,
} from "@stack/protocols";
import { type Exchange, unknownLength } from "../exchange.ts";
import { carryOrders } from "../internal/carry-orders.ts";
import type { ChunkPool } from "../static/chunk-pool.ts";
import { findSwitchProblem } from "../upgrade/check-switch.ts";

/** What the bytes read so far amount to. */
export const answerState = {
  /** More is to come. */
  open: 0,
  complete: 1,
  /** It broke the protocol; `problem` says how. */
  bad: 2,
  /** The server took nothing of the request, as it says: it may be sent elsewhere. */
  unserved: 3,
  /** The exchange is a tunnel now, and its first bytes may have been passed on. */
  switched: 4,
} as const;

const inHead = 0;
const inLength = 1;
const inChunks = 2;
const untilEnd = 3;

/** Interim answers beyond this many are an attack or a bug. */
const maxInterim = 16;
const headWindow = 16 * 1024;
/** Pieces up to this size travel as text, which the client's side joins into one write. */
const textBytes = 8 * 1024;

/** How a protocol writes the head of an answer. */
export interface AnswerDialect {
  /** See `findHeadEnd`. */
  readonly findEnd: (text: string, start: number, from: number, limits: HeadLimits) => number;
  /** See `parseResponseHead`. */
  readonly parse: (
    text: string,
    start: number,
    end: number,
    limits: HeadLimits,
    method: string,
    head: ResponseHead,
  ) => number;
  /** What every head begins with; "" for anything. */
  readonly firstText: string;
}

/** One per connection, used for one answer after the other. */
export interface AnswerReader {
  readonly dialect: AnswerDialect;
  phase: number;
  /** The head so far. */
  text: string;
  scanned: number;
  /** Bytes of body to come. */
  remaining: number;
  interim: number;
  /** Something was passed on: the request cannot be sent elsewhere any more. */
  passedOn: boolean;
  /** The server lets the connection be used again. */
  keepAlive: boolean;
  /** How long the server keeps an idle connection, as it said itself; 0 when it did not, -1 before. */
  heldMs: number;
  /** `exchange.write` asked for a pause. */
  blocked: boolean;
  /** Bytes came after the end: the connection is not to be trusted. */
  hasSurplus: boolean;
  problem: string;
  decoder: ChunkedDecoder | undefined;
}

export function createAnswerReader(dialect: AnswerDialect): AnswerReader {
  const reader = { dialect } as AnswerReader;
  resetAnswerReader(reader);
  reader.decoder = undefined;
  reader.heldMs = -1;
  return reader;
}

/** Makes it ready for the next answer. */
export function resetAnswerReader(reader: AnswerReader): void {
  reader.phase = inHead;
  reader.text = "";
  reader.scanned = 0;
  reader.remaining = 0;
  reader.interim = 0;
  reader.passedOn = false;
  reader.keepAlive = false;
  reader.blocked = false;
  reader.hasSurplus = false;
  reader.problem = "";
}

/**
 * Takes buffer[0, length).
 *
 * @param head scratch record, may be shared by all connections of a thread
 * @param pool for copies of long pieces
 * @returns one of `answerState`; the exchange is ended by `complete` and untouched by `bad`
 */
export function readAnswer(
  reader: AnswerReader,
  exchange: Exchange,
  buffer: Buffer,
  length: number,
  limits: HeadLimits,
  head: ResponseHead,
  pool: ChunkPool,
): number {
  if (reader.phase !== inHead) return readBody(reader, exchange, buffer, 0, length, pool);
  // Of a long read the head is in the beginning: no need to make text of all of it.
  const received = buffer.toString("latin1", 0, Math.min(length, headWindow));
  return readHead(reader, exchange, received, buffer, length, limits, head, pool);
}

/** As `readAnswer`, while `awaitsHead`, where all that was read is text already. */
export function readAnswerText(
  reader: AnswerReader,
  exchange: Exchange,
  received: string,
  limits: HeadLimits,
  head: ResponseHead,
  pool: ChunkPool,
): number {
  const { length } = received;
  return readHead(reader, exchange, received, undefined, length, limits, head, pool);
}

/** The next bytes belong to a head. */
export function awaitsHead(reader: AnswerReader): boolean {
  return reader.phase === inHead;
}

/** @param buffer what was read, of which `received` is the beginning; undefined where it is all */
function readHead(
  reader: AnswerReader,
  exchange: Exchange,
  received: string,
  buffer: Buffer | undefined,
  length: number,
  limits: HeadLimits,
  head: ResponseHead,
  pool: ChunkPool,
): number {
  const { dialect } = reader;
  const before = reader.text.length;
  let taken = received.length;
  // Kept only when there is more to come.
  let text = before > 0 ? reader.text + received : received;
  let start = 0;
  for (;;) {
    const end = dialect.findEnd(text, start, Math.max(reader.scanned, start), limits);
    if (end === 0) {
      if (buffer !== undefined && taken < length) {
        text += buffer.toString("latin1", taken, length);
        taken = length;
        continue;
      }
      // Seen at once, not when the time is up.
      if (!isStartOfHead(text, start, dialect.firstText)) {
        return refuse(reader, "it is not HTTP/1");
      }
      reader.text = text.slice(start);
      reader.scanned = reader.text.length;
      return answerState.open;
    }
    if (end < 0) return refuse(reader, "its head has no valid end");
    if (dialect.parse(text, start, end, limits, exchange.head.method, head) !== 0) {
      return refuse(reader, head.problem);
    }
    if (head.status >= 200) {
      const phase = beginAnswer(reader, exchange, head);
      clearResponseHead(head);
      if (before > 0) reader.text = "";
      if (phase === inLength && text.length - end === reader.remaining && taken === length) {
        // The usual case: all of a short answer in one read, and text already.
        reader.remaining = 0;
        if (text.length > end && !exchange.write(text.slice(end))) reader.blocked = true;
        return complete(reader, exchange, false);
      }
      const bytes = buffer ?? Buffer.from(received, "latin1");
      return readBody(reader, exchange, bytes, end - before, length, pool);
    }
    if (head.status === 101) {
      const bytes = buffer ?? Buffer.from(received, "latin1");
      return switchOver(reader, exchange, head, bytes, end - before, length, pool);
    }
    reader.interim += 1;
    if (reader.interim > maxInterim) return refuse(reader, "it sent too many interim answers");
    // 100 was for us, if for anybody: the client's own Expect was answered by the edge.
    if (head.status !== 100) {
      reader.passedOn = true;
      exchange.inform(head.status, head.reason, head.forwardable);
    }
    start = end;
  }
}

/** What follows the head of a 101 are bytes of the tunnel already. */
function switchOver(
  reader: AnswerReader,
  exchange: Exchange,
  head: ResponseHead,
  buffer: Buffer,
  start: number,
  end: number,
  pool: ChunkPool,
): number {
  const problem = findSwitchProblem(exchange.head, exchange.upgrade, head);
  if (problem !== "") return refuse(reader, problem);
  reader.phase = untilEnd;
  reader.passedOn = true;
  reader.keepAlive = false;
  reader.text = "";
  exchange.switchProtocols(head.reason, head.forwardable);
  clearResponseHead(head);
  pass(reader, exchange, buffer, start, end, pool);
  return answerState.switched;
}

/**
 * The server closed its side.
 *
 * @param clean by a FIN, not by an error
 */
export function endAnswer(reader: AnswerReader, exchange: Exchange, clean: boolean): number {
  if (reader.phase === untilEnd && clean) {
    exchange.end();
    return answerState.complete;
  }
  return refuse(reader, "it ended before its end");
}

/** Returns the phase that follows. */
function beginAnswer(reader: AnswerReader, exchange: Exchange, head: ResponseHead): number {
  reader.passedOn = true;
  reader.keepAlive = head.keepAlive;
  if (reader.heldMs < 0) reader.heldMs = readHeldMs(head);
  reader.remaining = 0;
  switch (head.body) {
    case "chunked":
      reader.phase = inChunks;
      reader.decoder ??= createChunkedDecoder();
      resetChunkedDecoder(reader.decoder);
      break;
    case "until-close":
      reader.phase = untilEnd;
      break;
    default:
      reader.phase = inLength;
      if (head.body === "length") reader.remaining = head.contentLength;
  }
  const length = reader.phase === inLength ? head.contentLength : unknownLength;
  const fields = carryOrders(exchange, head.forwardable, head.orders);
  exchange.begin(head.status, head.reason, fields, length, head.hasDate);
  return reader.phase;
}

function isStartOfHead(text: string, start: number, firstText: string): boolean {
  return firstText.startsWith(text.slice(start, start + firstText.length));
}

/** `Keep-Alive: timeout=5`, as Node and Apache send it. */
function readHeldMs(head: ResponseHead): number {
  const value = headerValue(head, "keep-alive");
  const match = value === undefined ? null : /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value);
  return match === null ? 0 : Number(match[1]) * 1000;
}

function readBody(
  reader: AnswerReader,
  exchange: Exchange,
  buffer: Buffer,
  start: number,
  end: number,
  pool: ChunkPool,
): number {
  if (reader.phase === inLength) {
    const until = Math.min(end, start + reader.remaining);
    reader.remaining -= until - start;
    pass(reader, exchange, buffer, start, until, pool);
    if (reader.remaining > 0) return answerState.open;
    return complete(reader, exchange, until < end);
  }
  if (reader.phase === untilEnd) {
    pass(reader, exchange, buffer, start, end, pool);
    return answerState.open;
  }
  const { decoder } = reader;
  if (decoder === undefined) return refuse(reader, "it has no body to read");
  let at = start;
  while (at < end && !decoder.done) {
    at = decodeChunked(decoder, buffer, at, end);
    if (decoder.problem !== "") return refuse(reader, decoder.problem);
    pass(reader, exchange, buffer, decoder.dataStart, decoder.dataEnd, pool);
  }
  return decoder.done ? complete(reader, exchange, at < end) : answerState.open;
}

function pass(
  reader: AnswerReader,
  exchange: Exchange,
  buffer: Buffer,
  start: number,
  end: number,
  pool: ChunkPool,
): void {
  const length = end - start;
  if (length <= 0) return;
  if (length <= textBytes) {
    if (!exchange.write(buffer.toString("latin1", start, end))) reader.blocked = true;
    return;
  }
  // Memory of its own, as it may live as long as a slow client takes; used again when it did not.
  const isPooled = length > pool.chunkBytes / 2 && length <= pool.chunkBytes;
  const chunk = isPooled ? pool.take() : Buffer.allocUnsafeSlow(length);
  buffer.copy(chunk, 0, start, end);
  if (!exchange.write(length === chunk.length ? chunk : chunk.subarray(0, length))) {
    reader.blocked = true;
  } else if (isPooled && !exchange.done && exchange.isFlushed()) {
    pool.give(chunk);
  }
}

function complete(reader: AnswerReader, exchange: Exchange, hasSurplus: boolean): number {
  reader.hasSurplus = hasSurplus;
  exchange.end();
  return answerState.complete;
}

function refuse(reader: AnswerReader, problem: string): number {
  reader.problem = problem;
  reader.keepAlive = false;
  return answerState.bad;
}
