/**
 * What leaves on one HTTP/2 connection: frames are joined into one text until the end of the event loop's
 * turn; bodies leave as the client's windows (RFC 9113 §5.2) and the socket have room, a frame of each
 * stream in turn, so that one that is read slowly stops no other.
 */
import type { Socket } from "node:net";
import {
  firstWindow,
  frameFlag,
  frameHead,
  frameType,
  maxPayloadBytes,
  mostWindow,
} from "../../core/h2/frames.ts";
import type { Holder, TurnEnd } from "../thread/turn-end.ts";

/** The sending side of one stream. */
export interface OutStream {
  readonly id: number;
  /** How much of its body its client takes now; may be below zero (RFC 9113 §6.9.2). */
  sendWindow: number;
  /** Of its body what has not left yet, and how many bytes that is. Text is latin-1. */
  readonly pieces: (Buffer | string)[];
  waiting: number;
  /** … and how many have. */
  sent: number;
  /** The answer ends with these pieces. */
  wantsEnd: boolean;
  /** END_STREAM has left. */
  hasSaidEnd: boolean;
  isListed: boolean;
  /** Some of it has left, or its end. */
  readonly onMoved: () => void;
}

export interface Outlet {
  /** A frame that no window counts. */
  readonly put: (frames: string) => void;
  /** The stream has something to send, or may send it now. */
  readonly list: (stream: OutStream) => void;
  /** The client's window for all streams grows; false: beyond its bound. */
  readonly widen: (increment: number) => boolean;
  /** Of a WINDOW_UPDATE: whether what was sent explains it. */
  readonly explainsUpdate: () => boolean;
  /** The client's window for all streams has room. */
  readonly hasWindow: () => boolean;
  /** All that may leave, now. */
  readonly flush: () => void;
  /** The client reads less than it makes us say. */
  readonly isFull: () => boolean;
}

/** Given to the socket before it has said that it needs more. */
const fullBytes = 128 * 1024;
/** Held back until the end of the turn. */
const maxPending = 64 * 1024;
/** There are clients that say it after every 4 KB they have read, for the stream and for the connection. */
const updatesPerFrame = 10;
/** A frame that is shorter because its client leaves it no more room explains nothing (CVE-2019-9511). */
const dribbleBytes = 1_024;

export function createOutlet(
  socket: Socket,
  turnEnd: TurnEnd,
  onBug: (error: unknown) => void,
): Outlet {
  let pending = "";
  let isHeld = false;
  let isPumping = false;
  let window = firstWindow;
  /** WINDOW_UPDATE frames that what was sent explains, and that have not come. */
  let updatesDue = 0;
  const listed: OutStream[] = [];

  function hold(): void {
    if (isHeld) return;
    isHeld = true;
    turnEnd.answer(holder);
  }

  function put(frames: string): void {
    pending = pending === "" ? frames : pending + frames;
    if (pending.length > maxPending) write();
    else hold();
  }

  function write(): void {
    if (pending === "") return;
    const text = pending;
    pending = "";
    if (!socket.destroyed && !socket.writableEnded) socket.write(text, "latin1");
  }

  function isFull(): boolean {
    return socket.writableLength + pending.length >= fullBytes;
  }

  /** One frame of a stream; false when it has to wait, or has nothing. */
  function sendFrame(stream: OutStream): boolean {
    if (stream.hasSaidEnd) return false;
    if (stream.waiting === 0) {
      if (!stream.wantsEnd) return false;
      stream.hasSaidEnd = true;
      put(frameHead(0, frameType.data, frameFlag.endStream, stream.id));
      stream.onMoved();
      return false;
    }
    const room = Math.min(stream.sendWindow, window, maxPayloadBytes);
    if (room <= 0 || isFull()) return false;
    const text = takeText(stream, room);
    stream.sendWindow -= text.length;
    stream.sent += text.length;
    window -= text.length;
    if (stream.waiting === 0 || text.length >= dribbleBytes) updatesDue += updatesPerFrame;
    stream.hasSaidEnd = stream.wantsEnd && stream.waiting === 0;
    const flags = stream.hasSaidEnd ? frameFlag.endStream : 0;
    put(frameHead(text.length, frameType.data, flags, stream.id) + text);
    stream.onMoved();
    return true;
  }

  function pump(): void {
    if (isPumping || listed.length === 0) return;
    isPumping = true;
    // Until each in turn has nothing or has to wait; whoever is next then is the first of the next time.
    for (let missed = 0; missed < listed.length; ) {
      const stream = listed.shift() as OutStream;
      missed = sendFrame(stream) ? 0 : missed + 1;
      if (stream.waiting > 0 || (stream.wantsEnd && !stream.hasSaidEnd)) listed.push(stream);
      else {
        stream.isListed = false;
        missed = 0;
      }
    }
    isPumping = false;
  }

  function flush(): void {
    pump();
    write();
  }

  const holder: Holder = {
    writeHeld() {
      isHeld = false;
      flush();
    },
    onBug,
  };
  socket.on("drain", () => {
    try {
      flush();
    } catch (error) {
      onBug(error);
    }
  });

  return {
    put,
    list(stream) {
      if (!stream.isListed) {
        stream.isListed = true;
        listed.push(stream);
      }
      hold();
    },
    widen(increment) {
      window += increment;
      if (listed.length > 0) hold();
      return window <= mostWindow;
    },
    explainsUpdate() {
      if (updatesDue === 0) return false;
      updatesDue -= 1;
      return true;
    },
    hasWindow: () => window > 0,
    flush,
    isFull,
  };
}

/** At most `room` bytes of what a stream has. */
function takeText(stream: OutStream, room: number): string {
  const { pieces } = stream;
  let text = "";
  let taken = 0;
  while (taken < pieces.length && text.length < room) {
    const piece = pieces[taken] as Buffer | string;
    const left = room - text.length;
    if (piece.length <= left) {
      text += typeof piece === "string" ? piece : piece.toString("latin1");
      taken += 1;
    } else {
      text += typeof piece === "string" ? piece.slice(0, left) : piece.toString("latin1", 0, left);
      pieces[taken] = typeof piece === "string" ? piece.slice(left) : piece.subarray(left);
    }
  }
  pieces.splice(0, taken);
  stream.waiting -= text.length;
  return text;
}
