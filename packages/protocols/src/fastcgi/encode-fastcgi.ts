/**
 * FastCGI, what is written, as latin-1 strings, so that a head is one string and one write. A body is
 * written as `recordStart`, then its bytes (a copy, where they lie in a shared read buffer), then
 * `recordPadding`; a record without content ends a stream.
 */
import type { CgiBlock } from "../worker/frames.ts";
import { encodePairs } from "./pairs.ts";
import { encodeRecord, recordPadding, recordStart, recordType } from "./records.ts";

/** The id of our requests: there is one at a time on a connection. */
const ours = 1;
const responder = 1;
const keepConnection = 1;
/** The most content that needs no padding. */
const fullPiece = 65_528;

/**
 * A whole request head: BEGIN_REQUEST as responder and the PARAMS stream with its end. STDIN has to
 * follow, of an empty body `stdinEnd` alone.
 *
 * @param keepOpen asks the server to leave the connection open after the answer
 */
export function encodeFastcgiRequest(block: CgiBlock, keepOpen: boolean): string {
  const flags = keepOpen ? keepConnection : 0;
  const begin = String.fromCharCode(0, responder, flags, 0, 0, 0, 0, 0);
  const pairs = encodePairs(block);
  let out = encodeRecord(recordType.beginRequest, ours, begin);
  for (let at = 0; at < pairs.length; at += fullPiece) {
    out += encodeRecord(recordType.params, ours, pairs.slice(at, at + fullPiece));
  }
  return out + encodeRecord(recordType.params, ours, "");
}

/** The start of a STDIN record of 1 to `maxRecordContent` bytes. */
export function stdinStart(length: number): string {
  return recordStart(recordType.stdin, ours, length);
}

/** The request's body is complete. */
export const stdinEnd: string = recordStart(recordType.stdin, ours, 0);

/** Asks the server to give up the request; it answers with END_REQUEST. */
export const abortRequest: string = recordStart(recordType.abortRequest, ours, 0);

/** Server: the start of a STDOUT record of 1 to `maxRecordContent` bytes. */
export function stdoutStart(id: number, length: number): string {
  return recordStart(recordType.stdout, id, length);
}

/** Server: text of an answer's head, or for the other side's error log, in as many records as it takes. */
export function encodeOutput(
  type: typeof recordType.stdout | typeof recordType.stderr,
  id: number,
  text: string,
): string {
  let out = "";
  for (let at = 0; at < text.length; at += fullPiece) {
    out += encodeRecord(type, id, text.slice(at, at + fullPiece));
  }
  return out;
}

/** Server: END_REQUEST; after an answer, `recordStart(stdout, id, 0)` comes first. */
export function encodeEndRequest(id: number, appStatus: number, protocol: number): string {
  const status = String.fromCharCode(
    (appStatus >>> 24) & 255,
    (appStatus >> 16) & 255,
    (appStatus >> 8) & 255,
    appStatus & 255,
  );
  return `${recordStart(recordType.endRequest, id, 8)}${status}${String.fromCharCode(protocol)}\0\0\0`;
}

/** Server: the answer is complete. */
export function encodeAnswerEnd(id: number): string {
  return recordStart(recordType.stdout, id, 0) + encodeEndRequest(id, 0, 0);
}

/** Server: the answer to GET_VALUES. */
export function encodeValues(block: CgiBlock): string {
  return encodeRecord(recordType.getValuesResult, 0, encodePairs(block));
}

/** Server: the answer to a management record of a type we do not know (§4.2). */
export function encodeUnknownType(type: number): string {
  return encodeRecord(recordType.unknownType, 0, `${String.fromCharCode(type)}${recordPadding(1)}`);
}
