/**
 * FastCGI 1.0 records: what both sides write and read. A record is
 *
 *   u8 version = 1 | u8 type | u16 BE id | u16 BE content length | u8 padding length | u8 | content | padding
 *
 * One request at a time per connection; the client's id is always 1.
 */

export const recordType = {
  beginRequest: 1,
  abortRequest: 2,
  endRequest: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
  getValues: 9,
  getValuesResult: 10,
  unknownType: 11,
} as const;

/** How a server ended a request (FastCGI 1.0 §5.5). */
export const protocolStatus = {
  requestComplete: 0,
  cannotMultiplex: 1,
  overloaded: 2,
  unknownRole: 3,
} as const;

/** Most bytes of content in a record. Pieces of a multiple of 8 need no padding: 65,528 at best. */
export const maxRecordContent = 65_535;

/** The eight bytes before `length` bytes of content; after it `recordPadding(length)`. */
export function recordStart(type: number, id: number, length: number): string {
  const padding = -length & 7;
  return String.fromCharCode(1, type, id >> 8, id & 255, length >> 8, length & 255, padding, 0);
}

const zeros = "\0\0\0\0\0\0\0";

/** The zeros that bring a record to a multiple of 8 bytes (§3.3); often "". */
export function recordPadding(length: number): string {
  return zeros.slice(0, -length & 7);
}

/** A whole record. */
export function encodeRecord(type: number, id: number, content: string): string {
  return recordStart(type, id, content.length) + content + recordPadding(content.length);
}

/** Records as they arrive, in pieces; one step per call of `readRecord`. */
export interface RecordReader {
  /** The last call read a header to its end: type, id and length are those of a new record. */
  begun: boolean;
  /** The last call read a record to its end, padding included. */
  ended: boolean;
  /** The piece of content found by the last call: buffer[dataStart, dataEnd). */
  dataStart: number;
  dataEnd: number;
  version: number;
  type: number;
  id: number;
  /** Bytes of content that the record has in all. */
  length: number;
  headerBytes: number;
  contentLeft: number;
  paddingLeft: number;
}

export function createRecordReader(): RecordReader {
  return {
    begun: false,
    ended: false,
    dataStart: 0,
    dataEnd: 0,
    version: 0,
    type: 0,
    id: 0,
    length: 0,
    headerBytes: 0,
    contentLeft: 0,
    paddingLeft: 0,
  };
}

const headerLength = 8;

/**
 * Reads on in buffer[start, end) to the end of a header, of a piece of content, or of padding.
 *
 * @returns the offset after what was read
 */
export function readRecord(
  reader: RecordReader,
  buffer: Uint8Array,
  start: number,
  end: number,
): number {
  reader.begun = false;
  reader.ended = false;
  let at = start;
  if (reader.headerBytes < headerLength) {
    while (at < end && reader.headerBytes < headerLength) readHeaderByte(reader, buffer[at++]);
    reader.begun = reader.headerBytes === headerLength;
    reader.contentLeft = reader.length;
    reader.dataStart = at;
    reader.dataEnd = at;
    if (!reader.begun) return at;
  } else {
    reader.dataStart = start;
    const isContent = reader.contentLeft > 0;
    at = Math.min(end, start + (isContent ? reader.contentLeft : reader.paddingLeft));
    if (isContent) reader.contentLeft -= at - start;
    else reader.paddingLeft -= at - start;
    reader.dataEnd = isContent ? at : start;
  }
  if (reader.contentLeft + reader.paddingLeft === 0) {
    reader.ended = true;
    reader.headerBytes = 0;
  }
  return at;
}

function readHeaderByte(reader: RecordReader, byte = 0): void {
  switch (reader.headerBytes++) {
    case 0:
      reader.version = byte;
      break;
    case 1:
      reader.type = byte;
      break;
    case 2:
      reader.id = byte * 256;
      break;
    case 3:
      reader.id += byte;
      break;
    case 4:
      reader.length = byte * 256;
      break;
    case 5:
      reader.length += byte;
      break;
    case 6:
      reader.paddingLeft = byte;
      break;
    default:
  }
}
