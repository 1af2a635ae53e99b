/** Takes what a client sends apart into frames, whatever the pieces it comes in (RFC 9113 §3.4, §4.1). */
import { h2ErrorCodes } from "./error-codes.ts";
import { clientPreface, frameHeadBytes, frameType, maxPayloadBytes, uint31At } from "./frames.ts";

/** A whole frame: the record and its bytes are used again by the next. */
export interface Frame {
  type: number;
  flags: number;
  stream: number;
  /** Its payload is bytes[start, end). */
  bytes: Buffer;
  start: number;
  end: number;
}

/** Returns 0, or the code to end the connection with. */
export type FrameTaker = (frame: Frame) => number;

/** Takes buffer[0, length); returns 0, or the code to end the connection with. */
export type FrameReader = (buffer: Buffer, length: number) => number;

export function createFrameReader(take: FrameTaker): FrameReader {
  /** Bytes of the preface that have come. */
  let greeted = 0;
  let hasSettings = false;
  /** A frame that came in pieces: its head as far as it is there, then all of it. */
  const head = Buffer.alloc(frameHeadBytes);
  let whole: Buffer | undefined;
  let known = 0;
  const frame: Frame = { type: 0, flags: 0, stream: 0, bytes: head, start: 0, end: 0 };

  /** The frame at `at`, which is there to its end. */
  function pass(bytes: Buffer, at: number): number {
    frame.type = bytes[at + 3] as number;
    if (!hasSettings) {
      if (frame.type !== frameType.settings) return h2ErrorCodes.protocolError;
      hasSettings = true;
    }
    frame.flags = bytes[at + 4] as number;
    frame.stream = uint31At(bytes, at + 5);
    frame.bytes = bytes;
    frame.start = at + frameHeadBytes;
    frame.end = frame.start + payloadBytes(bytes, at);
    return take(frame);
  }

  /** Of a frame that came in pieces; returns how many of the bytes belong to it. */
  function gather(bytes: Buffer, at: number, length: number): number {
    const into = whole ?? head;
    const step = Math.min(into.length - known, length - at);
    bytes.copy(into, known, at, at + step);
    known += step;
    return step;
  }

  return (bytes, length) => {
    let at = 0;
    if (greeted < clientPreface.length) {
      at = Math.min(clientPreface.length - greeted, length);
      const expected = clientPreface.slice(greeted, greeted + at);
      if (bytes.toString("latin1", 0, at) !== expected) return h2ErrorCodes.protocolError;
      greeted += at;
    }
    while (at < length) {
      if (known === 0 && length - at >= frameHeadBytes) {
        const size = payloadBytes(bytes, at);
        if (size > maxPayloadBytes) return h2ErrorCodes.frameSizeError;
        const end = at + frameHeadBytes + size;
        if (end <= length) {
          const problem = pass(bytes, at);
          if (problem !== 0) return problem;
          at = end;
          continue;
        }
      }
      at += gather(bytes, at, length);
      if (whole === undefined) {
        if (known < frameHeadBytes) return 0;
        const size = payloadBytes(head, 0);
        if (size > maxPayloadBytes) return h2ErrorCodes.frameSizeError;
        whole = Buffer.allocUnsafe(frameHeadBytes + size);
        head.copy(whole);
      }
      if (known < whole.length) continue;
      const gathered = whole;
      whole = undefined;
      known = 0;
      const problem = pass(gathered, 0);
      if (problem !== 0) return problem;
    }
    return 0;
  };
}

function payloadBytes(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
  );
}
