/**
 * What nghttp2 lets pass in silence and RFC 9113 does not: frames for streams their sender has ended,
 * streams that go back, PRIORITY that means nothing; and floods of frames that ask for nothing. Counts
 * the fields of requests besides. Reads the bytes a client sends, whatever the pieces they come in.
 */
import { createFieldCounter } from "./field-counter.ts";

export interface FrameGuard {
  /**
   * The next bytes of the client; returns 0, or the code to end the connection with. A frame that is
   * to be passed over gets a type that nobody knows.
   */
  readonly inspect: (bytes: Uint8Array, nowMs: number) => number;
  /** How many fields the request of a stream had, once; undefined when it is not known any more. */
  readonly takeFieldCount: (stream: number) => number | undefined;
  /** Of a stream that is over: what its client still has on its way is let pass. */
  readonly closed: (stream: number) => void;
}

/** What a guard asks and tells of streams whose window a client opens beyond its bound. */
export interface WindowWatch {
  /** Bytes that were sent on the connection, at least as many as on any of its streams. */
  readonly sentBytes: () => number;
  /** What the client's last SETTINGS that were taken make each stream begin with. */
  readonly initialWindow: () => number;
  /** RFC 9113 §6.9.1: the stream is to be reset with FLOW_CONTROL_ERROR. */
  readonly onOverflow: (stream: number) => void;
}

const prefaceBytes = 24;
const headerBytes = 9;
const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
  unknown: 255,
};
const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 };

/** RFC 9113 §7. */
const code = { protocol: 1, streamClosed: 5, calm: 11 };

/** DATA that is more frame than body. */
const tinyData = 16;
/** Frames that ask for next to nothing: no client needs this many of them in ten seconds. */
const idleFrames = 10_000;
const windowMs = 10_000;
const mostWindow = 2 ** 31 - 1;
/** What comes to too much in smaller steps is left to nghttp2. */
const hugeIncrement = 2 ** 30;
const mostHuge = 256;
/** Stream ids a client left out; more of them are told apart no longer. */
const mostSkipped = 128;
/** Streams that were over before their client had ended them. */
const mostLate = 1_024;
/** Requests whose fields were counted and that are not served yet. */
const mostCounted = 1_024;

export function createFrameGuard(watch?: WindowWatch): FrameGuard {
  /** Streams whose client may still send on them. */
  const open = new Set<number>();
  /** Those of them that are over on our side. */
  const late = new Set<number>();
  const skipped = new Set<number>();
  const counted = new Map<number, number>();
  /** Streams with huge increments of their window, and their sum. */
  const huge = new Map<number, number>();
  const fields = createFieldCounter();
  const header = new Uint8Array(headerBytes + 4);
  let known = 0;
  /** Bytes of the preface or of a payload still to be passed over. */
  let ahead = prefaceBytes;
  /** Of that, how much at its beginning and its end is no header block; all of it in most frames. */
  let before = prefaceBytes;
  let padding = 0;
  /** The header block begins a stream. */
  let isRequest = false;
  /** The padding's length is the next byte. */
  let hasPadding = false;
  /** The stream that a request says it depends on, and how many of its bytes are to come. */
  let dependency = 0;
  let dependencyBytes = 0;
  let last = 0;
  /** The client's SETTINGS came with these bytes: they are not taken yet. */
  let hasSettings = false;
  let idle = 0;
  let windowEnd = 0;

  /** Of a frame of which `needed` bytes are known. */
  function judge(nowMs: number): number {
    const length = frameLength(header);
    const flags = header[4] ?? 0;
    const stream = uint31(header, 5);
    switch (header[3]) {
      case type.headers:
        return judgeHeaders(stream, (flags & flag.endStream) !== 0);
      case type.data:
        if (stream !== 0 && stream <= last && !isOpen(stream)) return code.streamClosed;
        if ((flags & flag.endStream) !== 0) end(stream);
        return length < tinyData && (flags & flag.endStream) === 0 ? countIdle(nowMs) : 0;
      case type.reset:
        end(stream);
        return 0;
      case type.priority:
        // RFC 7540 §5.3.1, §6.3: a stream cannot depend on itself, and 0 is none.
        if (stream === 0) return code.protocol;
        if (length === 5 && uint31(header, headerBytes) === stream) return code.protocol;
        return countIdle(nowMs);
      case type.settings:
        hasSettings = true;
        return 0;
      case type.windowUpdate:
      case type.continuation:
      case type.ping:
        return header[3] !== type.ping || isStrayPong() ? countIdle(nowMs) : 0;
      default:
        return 0;
    }
  }

  function judgeHeaders(stream: number, ends: boolean): number {
    if (stream > last) {
      for (let id = last + 2 - (last === 0 ? 1 : 0); id < stream; id += 2) {
        if (skipped.size >= mostSkipped) break;
        skipped.add(id);
      }
      last = stream;
      isRequest = true;
      if (!ends) open.add(stream);
      return 0;
    }
    isRequest = false; // but a trailer
    if (skipped.has(stream)) return code.protocol; // RFC 9113 §5.1.1
    if (stream !== 0 && !isOpen(stream)) return code.streamClosed;
    if (ends) end(stream);
    return 0;
  }

  function isOpen(stream: number): boolean {
    return open.has(stream) || late.has(stream);
  }

  function end(stream: number): void {
    open.delete(stream);
    late.delete(stream);
  }

  /** A PING's answer that nobody waits for: we send none. RFC 9113 §6.7 makes it no error, Node does. */
  function isStrayPong(): boolean {
    const isAck = header[3] === type.ping && ((header[4] ?? 0) & flag.ack) !== 0;
    return isAck && frameLength(header) === 8 && uint31(header, 5) === 0;
  }

  /** By more than can have been used up since: nghttp2 would end the connection for it. */
  function overflows(stream: number, increment: number): boolean {
    if (watch === undefined || increment < hugeIncrement || stream === 0 || stream > last)
      return false;
    const sum = (huge.get(stream) ?? 0) + increment;
    if (huge.size >= mostHuge) huge.clear();
    huge.set(stream, sum);
    const initial = hasSettings ? 0 : watch.initialWindow();
    return initial + sum > mostWindow + watch.sentBytes();
  }

  /** A frame that nghttp2 is not to see, in `bytes` before `at`. */
  function mayPassOver(bytes: Uint8Array, at: number): void {
    const typeAt = at - known + 3;
    if (typeAt < 0) return; // it has been passed on already
    const stream = uint31(header, 5);
    if (isStrayPong()) bytes[typeAt] = type.unknown;
    else if (isWindowUpdate(header) && overflows(stream, uint31(header, headerBytes))) {
      bytes[typeAt] = type.unknown;
      watch?.onOverflow(stream);
    }
  }

  function countIdle(nowMs: number): number {
    if (nowMs >= windowEnd) {
      windowEnd = nowMs + windowMs;
      idle = 0;
    }
    idle += 1;
    return idle > idleFrames ? code.calm : 0;
  }

  /** Says where in the payload that follows a header block lies. */
  function beginPayload(): void {
    const flags = header[4] ?? 0;
    ahead = frameLength(header) - (known - headerBytes);
    padding = 0;
    before = ahead;
    hasPadding = false;
    dependency = 0;
    dependencyBytes = 0;
    if (header[3] === type.headers) {
      fields.reset();
      hasPadding = (flags & flag.padded) !== 0;
      dependencyBytes = (flags & flag.priority) !== 0 ? 4 : 0;
      before = (hasPadding ? 1 : 0) + (dependencyBytes > 0 ? 5 : 0);
    } else if (header[3] === type.continuation) before = 0;
    if (ahead === 0) endPayload();
  }

  function readPayload(bytes: Uint8Array, start: number, end: number): number {
    const at = start + Math.min(before, end - start);
    before -= at - start;
    let problem = 0;
    for (let one = start; one < at && (hasPadding || dependencyBytes > 0); one += 1) {
      const byte = bytes[one] ?? 0;
      if (hasPadding) {
        hasPadding = false;
        padding = byte;
      } else {
        dependency = dependency * 256 + byte;
        dependencyBytes -= 1;
        const isItself = dependencyBytes === 0 && dependency % 2 ** 31 === uint31(header, 5);
        if (isItself) problem = code.protocol;
      }
    }
    const blockEnd = Math.min(end, start + ahead - padding);
    if (at < blockEnd) fields.read(bytes, at, blockEnd);
    ahead -= end - start;
    if (ahead === 0) endPayload();
    return problem;
  }

  function endPayload(): void {
    const isBlock = header[3] === type.headers || header[3] === type.continuation;
    if (!isBlock || !isRequest || ((header[4] ?? 0) & flag.endHeaders) === 0) return;
    if (counted.size >= mostCounted) counted.clear();
    counted.set(uint31(header, 5), fields.count());
  }

  return {
    inspect(bytes, nowMs) {
      let at = 0;
      hasSettings = false;
      while (at < bytes.length) {
        if (ahead > 0) {
          const end = Math.min(bytes.length, at + ahead);
          const problem = readPayload(bytes, at, end);
          if (problem !== 0) return problem;
          at = end;
          continue;
        }
        header[known++] = bytes[at++] as number;
        if (known < headerBytes || known < neededBytes(header)) continue;
        const problem = judge(nowMs);
        if (problem !== 0) return problem;
        mayPassOver(bytes, at);
        beginPayload();
        known = 0;
      }
      return 0;
    },
    takeFieldCount(stream) {
      const count = counted.get(stream);
      counted.delete(stream);
      return count;
    },
    closed(stream) {
      huge.delete(stream);
      if (!open.delete(stream)) return;
      late.add(stream);
      if (late.size <= mostLate) return;
      for (const oldest of late) {
        late.delete(oldest);
        return;
      }
    },
  };
}

/** Of PRIORITY the stream it depends on is needed as well, of WINDOW_UPDATE the increment. */
function neededBytes(header: Uint8Array): number {
  const isPriority = header[3] === type.priority && frameLength(header) === 5;
  return isPriority || isWindowUpdate(header) ? headerBytes + 4 : headerBytes;
}

function isWindowUpdate(header: Uint8Array): boolean {
  return header[3] === type.windowUpdate && frameLength(header) === 4;
}

function frameLength(header: Uint8Array): number {
  return ((header[0] ?? 0) << 16) | ((header[1] ?? 0) << 8) | (header[2] ?? 0);
}

function uint31(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) & 0x7f) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}
