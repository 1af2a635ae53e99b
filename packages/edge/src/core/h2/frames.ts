/** Frames of HTTP/2 (RFC 9113 §4, §6), as latin-1 text with one character per byte: what leaves is text. */

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const settingId = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** RFC 9113 §3.4: what a client begins with. */
export const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
export const frameHeadBytes = 9;
/** Of a payload, as long as nobody says otherwise (§4.2), and we do not. */
export const maxPayloadBytes = 16_384;
/** §6.9.1. */
export const mostWindow = 2 ** 31 - 1;
/** §6.9.2. */
export const firstWindow = 65_535;

export function frameHead(length: number, type: number, flags: number, stream: number): string {
  return String.fromCharCode(
    length >>> 16,
    (length >>> 8) & 0xff,
    length & 0xff,
    type,
    flags,
    stream >>> 24,
    (stream >>> 16) & 0xff,
    (stream >>> 8) & 0xff,
    stream & 0xff,
  );
}

export function resetFrame(stream: number, code: number): string {
  return frameHead(4, frameType.reset, 0, stream) + uint32Text(code);
}

export function goawayFrame(lastStream: number, code: number): string {
  return frameHead(8, frameType.goaway, 0, 0) + uint32Text(lastStream) + uint32Text(code);
}

/** @param stream 0 for the connection's window */
export function windowUpdateFrame(stream: number, increment: number): string {
  return frameHead(4, frameType.windowUpdate, 0, stream) + uint32Text(increment);
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): string {
  const pairs = settings.map(([id, value]) => String.fromCharCode(0, id) + uint32Text(value));
  return frameHead(settings.length * 6, frameType.settings, 0, 0) + pairs.join("");
}

export const settingsAck = frameHead(0, frameType.settings, frameFlag.ack, 0);

/** @param bytes of the PING, eight of them */
export function pingAck(bytes: string): string {
  return frameHead(8, frameType.ping, frameFlag.ack, 0) + bytes;
}

/** A header block in as many frames as it takes (§4.3). */
export function headerFrames(stream: number, block: string, endStream: boolean): string {
  const end = endStream ? frameFlag.endStream : 0;
  if (block.length <= maxPayloadBytes) {
    return frameHead(block.length, frameType.headers, end | frameFlag.endHeaders, stream) + block;
  }
  let text = frameHead(maxPayloadBytes, frameType.headers, end, stream);
  text += block.slice(0, maxPayloadBytes);
  for (let at = maxPayloadBytes; at < block.length; at += maxPayloadBytes) {
    const part = block.slice(at, at + maxPayloadBytes);
    const flags = at + part.length === block.length ? frameFlag.endHeaders : 0;
    text += frameHead(part.length, frameType.continuation, flags, stream) + part;
  }
  return text;
}

export function uint31At(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at) & mostWindow;
}

/** As JavaScript has it after `|`: what begins with a one is negative. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

function uint32Text(value: number): string {
  return String.fromCharCode(
    value >>> 24,
    (value >>> 16) & 0xff,
    (value >>> 8) & 0xff,
    value & 0xff,
  );
}
