/**
 * The chunked transfer coding (RFC 9112 §7.1), both ways. The decoder works inside the buffer it
 * is given and yields ranges of it: no copies, and no reference to it once the call returns.
 */

import { hexValue, tokenTable } from "./characters.ts";
import { extensionState, nextExtensionState } from "./chunk-extension.ts";

export interface ChunkedDecoder {
  /** The piece of body found by the last call: buffer[dataStart, dataEnd); empty when they are equal. */
  dataStart: number;
  dataEnd: number;
  /** The last chunk and the trailers have been read. */
  done: boolean;
  /** What is wrong; then nothing more may be read from this connection. */
  problem: string;
  /** Bytes of body so far. */
  total: number;
  state: number;
  remaining: number;
  digits: number;
  /** Bytes of this size line's leading zeros and extension, or of the trailers. */
  overhead: number;
  /** One of `extensionState`. */
  extension: number;
  /** Bytes of extensions in excess of what the chunks they belong to would excuse. */
  excess: number;
}

/** Bytes of one chunk's leading zeros and extension. */
const maxExtension = 256;
/** Bytes of extensions a body may have beyond 16 and twice the data per chunk: a body of nothing else is an attack. */
const maxExcess = 16 * 1024;
/** Bytes of all trailers together. */
const maxTrailers = 8192;

const sizeFirst = 0;
const size = 1;
const extension = 2;
const sizeLf = 3;
const data = 4;
const dataCr = 5;
const dataLf = 6;
const trailerFirst = 7;
const trailerName = 8;
const trailerValue = 9;
const trailerLf = 10;
const endLf = 11;

export function createChunkedDecoder(): ChunkedDecoder {
  return {
    dataStart: 0,
    dataEnd: 0,
    done: false,
    problem: "",
    total: 0,
    state: sizeFirst,
    remaining: 0,
    digits: 0,
    overhead: 0,
    extension: 0,
    excess: 0,
  };
}

/** Makes it ready for the next body. */
export function resetChunkedDecoder(decoder: ChunkedDecoder): void {
  decoder.dataStart = 0;
  decoder.dataEnd = 0;
  decoder.done = false;
  decoder.problem = "";
  decoder.total = 0;
  decoder.state = sizeFirst;
  decoder.remaining = 0;
  decoder.digits = 0;
  decoder.overhead = 0;
  decoder.excess = 0;
}

/**
 * Reads on in buffer[start, end) up to and including the next piece of body, the end of the body,
 * a mistake, or `end`, whichever comes first. Call it again from the offset it returned until that
 * is `end`, or `done`, or `problem` is set.
 *
 * @returns the offset after what was read
 */
export function decodeChunked(
  decoder: ChunkedDecoder,
  buffer: Uint8Array,
  start: number,
  end: number,
): number {
  let at = start;
  decoder.dataStart = start;
  decoder.dataEnd = start;
  while (at < end && !decoder.done) {
    if (decoder.state === data) {
      const until = Math.min(end, at + decoder.remaining);
      decoder.dataStart = at;
      decoder.dataEnd = until;
      decoder.remaining -= until - at;
      decoder.total += until - at;
      if (decoder.remaining === 0) decoder.state = dataCr;
      return until;
    }
    const problem = readOverhead(decoder, buffer[at] as number);
    at++;
    if (problem !== "") {
      decoder.problem = problem;
      return at;
    }
  }
  return at;
}

function readOverhead(decoder: ChunkedDecoder, byte: number): string {
  switch (decoder.state) {
    case sizeFirst:
    case size: {
      const digit = hexValue(byte);
      if (digit >= 0) {
        if (digit > 0 || decoder.remaining > 0) decoder.digits++;
        else if (++decoder.overhead > maxExtension) return "a chunk size is too long";
        if (decoder.digits > 12) return "a chunk size is beyond all bounds";
        decoder.remaining = decoder.remaining * 16 + digit;
        decoder.state = size;
        return "";
      }
      if (decoder.state === sizeFirst) return "a chunk size is not hexadecimal";
      if (byte === 13) decoder.state = sizeLf;
      else {
        decoder.extension = nextExtensionState(extensionState.gap, byte);
        if (decoder.extension === extensionState.broken) return "a chunk size is not hexadecimal";
        decoder.state = extension;
      }
      return "";
    }
    case extension:
      decoder.extension = nextExtensionState(decoder.extension, byte);
      if (decoder.extension === extensionState.end) decoder.state = sizeLf;
      else if (decoder.extension === extensionState.broken) return "a chunk extension is malformed";
      else if (++decoder.overhead > maxExtension) return "a chunk extension is too long";
      return "";
    case sizeLf:
      if (byte !== 10) return "a chunk size line does not end in CRLF";
      decoder.excess = Math.max(0, decoder.excess + decoder.overhead - 16 - 2 * decoder.remaining);
      if (decoder.excess > maxExcess) return "the chunk extensions are too long";
      decoder.state = decoder.remaining === 0 ? trailerFirst : data;
      decoder.digits = 0;
      decoder.overhead = 0;
      return "";
    case dataCr:
      if (byte !== 13) return "a chunk is longer than its size";
      decoder.state = dataLf;
      return "";
    case dataLf:
      if (byte !== 10) return "a chunk does not end in CRLF";
      decoder.state = sizeFirst;
      return "";
    default:
      return readTrailer(decoder, byte);
  }
}

/** Trailers are checked for form and dropped: none is merged into the head (RFC 9110 §6.5.1). */
function readTrailer(decoder: ChunkedDecoder, byte: number): string {
  if (++decoder.overhead > maxTrailers) return "the trailers are too long";
  switch (decoder.state) {
    case trailerFirst:
      if (byte === 13) decoder.state = endLf;
      else if (tokenTable[byte] !== 0) decoder.state = trailerName;
      else return "a trailer name is not a token";
      return "";
    case trailerName:
      if (byte === 58) decoder.state = trailerValue;
      else if (tokenTable[byte] === 0) return "a trailer name is not a token";
      return "";
    case trailerValue:
      if (byte === 13) decoder.state = trailerLf;
      else if ((byte < 32 && byte !== 9) || byte === 127) return "a control character in a trailer";
      return "";
    case trailerLf:
      if (byte !== 10) return "a trailer does not end in CRLF";
      decoder.state = trailerFirst;
      return "";
    default:
      if (byte !== 10) return "the body does not end in CRLF";
      decoder.done = true;
      return "";
  }
}

/** What goes before a chunk of `length` bytes (more than 0); after it goes `chunkEnd`. */
export function chunkStart(length: number): string {
  return `${length.toString(16)}\r\n`;
}

export const chunkEnd = "\r\n";

/** What ends a chunked body. */
export const lastChunk = "0\r\n\r\n";
