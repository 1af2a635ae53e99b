/**
 * FastCGI, our side as a client: the records of one answer, out of a read buffer that others use after
 * us. STDOUT is a CGI answer (`findCgiHeadEnd`, `parseCgiResponse`, then its body until `done`);
 * STDERR is for the log, and how much of it is kept is the caller's to bound.
 */
import {
  createRecordReader,
  protocolStatus,
  type RecordReader,
  readRecord,
  recordType,
} from "./records.ts";

export interface FastcgiAnswerReader {
  /** The piece found by the last call: buffer[dataStart, dataEnd), of `stream`; empty when they are equal. */
  dataStart: number;
  dataEnd: number;
  stream: "stdout" | "stderr";
  /** END_REQUEST was read: the answer is complete, what follows is not ours. */
  done: boolean;
  /** What is wrong; then the connection must be closed. */
  problem: string;
  /** Of END_REQUEST: 0, or another of `protocolStatus` with `problem`: the request was not served. */
  protocolStatus: number;
  /** Of END_REQUEST: what the program said it exits with. */
  appStatus: number;
  stdoutEnded: boolean;
  /** Bytes that brought nothing: an endless stream of empty records is refused. */
  idleBytes: number;
  endBytes: number;
  readonly record: RecordReader;
}

const maxIdleBytes = 64 * 1024;

export function createFastcgiAnswerReader(): FastcgiAnswerReader {
  return {
    dataStart: 0,
    dataEnd: 0,
    stream: "stdout",
    done: false,
    problem: "",
    protocolStatus: 0,
    appStatus: 0,
    stdoutEnded: false,
    idleBytes: 0,
    endBytes: 0,
    record: createRecordReader(),
  };
}

/** Makes it ready for the next answer on the same connection; only after `done`. */
export function resetFastcgiAnswerReader(reader: FastcgiAnswerReader): void {
  reader.dataStart = 0;
  reader.dataEnd = 0;
  reader.done = false;
  reader.problem = "";
  reader.protocolStatus = 0;
  reader.appStatus = 0;
  reader.stdoutEnded = false;
  reader.idleBytes = 0;
  reader.endBytes = 0;
}

/**
 * Reads on in buffer[start, end) to the next piece of output. Call it again from the offset it
 * returned until that is `end`, or `done`, or `problem` is set.
 *
 * @returns the offset after what was read
 */
export function readFastcgiAnswer(
  reader: FastcgiAnswerReader,
  buffer: Uint8Array,
  start: number,
  end: number,
): number {
  const { record } = reader;
  let at = start;
  reader.dataStart = start;
  reader.dataEnd = start;
  while (at < end && !reader.done && reader.problem === "") {
    at = readRecord(record, buffer, at, end);
    if (record.begun) reader.problem = checkRecord(reader);
    if (reader.problem !== "") break;
    const { type } = record;
    if (record.dataEnd > record.dataStart) {
      if (type === recordType.endRequest) readEnd(reader, buffer);
      else if (type === recordType.stdout || type === recordType.stderr) {
        reader.stream = type === recordType.stdout ? "stdout" : "stderr";
        reader.dataStart = record.dataStart;
        reader.dataEnd = record.dataEnd;
        return at;
      }
    }
    if (record.ended && type === recordType.endRequest) {
      reader.done = true;
      reader.problem = refusal(reader.protocolStatus);
    }
  }
  return at;
}

/** Judges a record by its header; "" when it may come now. */
function checkRecord(reader: FastcgiAnswerReader): string {
  const { version, type, id, length } = reader.record;
  if (version !== 1) return "it is not FastCGI 1";
  if (id === 0) {
    if (type !== recordType.getValuesResult && type !== recordType.unknownType) {
      return "a FastCGI record of a type that does not exist";
    }
    return waste(reader, length); // we asked nothing, but it harms nobody
  }
  if (id !== 1) return "a FastCGI record of a request that does not exist";
  switch (type) {
    case recordType.stdout:
      if (length === 0) reader.stdoutEnded = true;
      else if (reader.stdoutEnded) return "output after the end of the output";
      return length === 0 ? waste(reader, 0) : "";
    case recordType.stderr:
      return length === 0 ? waste(reader, 0) : "";
    case recordType.endRequest:
      return length === 8 ? "" : "an END_REQUEST of the wrong length";
    default:
      return "a FastCGI record of a type that is not a server's";
  }
}

function waste(reader: FastcgiAnswerReader, length: number): string {
  reader.idleBytes += 8 + length;
  return reader.idleBytes > maxIdleBytes ? "FastCGI records without anything in them" : "";
}

function readEnd(reader: FastcgiAnswerReader, buffer: Uint8Array): void {
  const { record } = reader;
  for (let at = record.dataStart; at < record.dataEnd; at++) {
    const byte = buffer[at] as number;
    if (reader.endBytes < 4) reader.appStatus = reader.appStatus * 256 + byte;
    else if (reader.endBytes === 4) reader.protocolStatus = byte;
    reader.endBytes++;
  }
}

function refusal(status: number): string {
  switch (status) {
    case protocolStatus.requestComplete:
      return "";
    case protocolStatus.cannotMultiplex:
      return "the server takes one request at a time";
    case protocolStatus.overloaded:
      return "the server is overloaded";
    case protocolStatus.unknownRole:
      return "the server is no FastCGI responder";
    default:
      return "the server ended the request in an unknown way";
  }
}
