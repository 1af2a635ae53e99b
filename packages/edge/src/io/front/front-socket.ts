/**
 * The connection of a web server in front, in the place of a client's socket, for one request: the
 * part of a socket that the code of client connections uses, no more. What is written is the answer;
 * FastCGI has it in records.
 */
import type { Socket } from "node:net";
import { encodeOutput, recordPadding, recordType, stdoutStart } from "@stack/protocols";

/** The most content of a record that needs no padding. */
const fullPiece = 65_528;

export interface FrontSocketOptions {
  readonly socket: Socket;
  /** Of the FastCGI request; 0 where the answer is written as it is. */
  readonly requestId: number;
  /** The answer cannot be completed: whoever reads it must see that. */
  readonly cut: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

export function createFrontSocket(options: FrontSocketOptions): Socket {
  const { socket, requestId, cut } = options;
  const writeOut = requestId === 0 ? writePlain : writeRecords;
  let isCorked = false;
  const front = {
    /** Of which `bytesTaken` is told. */
    get _handle() {
      return (socket as { _handle?: unknown })._handle;
    },
    get writableLength() {
      return socket.writableLength;
    },
    get writableNeedDrain() {
      return socket.writableNeedDrain;
    },
    write: (bytes: Buffer | string) =>
      socket.destroyed || socket.writableEnded ? true : writeOut(bytes),
    end() {},
    cork: () => socket.cork(),
    uncork: () => socket.uncork(),
    pause: options.pause,
    resume: options.resume,
    destroy: cut,
    resetAndDestroy: cut,
  };

  function writePlain(bytes: Buffer | string): boolean {
    return typeof bytes === "string" ? socket.write(bytes, "latin1") : socket.write(bytes);
  }

  /** The record and the end of the request that often follows leave in one write. */
  function uncorkLater(): void {
    if (isCorked) return;
    isCorked = true;
    socket.cork();
    process.nextTick(() => {
      isCorked = false;
      socket.uncork();
    });
  }

  function writeRecords(bytes: Buffer | string): boolean {
    uncorkLater();
    if (typeof bytes === "string") {
      return socket.write(encodeOutput(recordType.stdout, requestId, bytes), "latin1");
    }
    let hasRoom = true;
    for (let from = 0; from < bytes.length; from += fullPiece) {
      const piece = bytes.subarray(from, from + fullPiece); // ours: given away for good
      socket.write(stdoutStart(requestId, piece.length), "latin1");
      hasRoom = socket.write(piece);
      const padding = recordPadding(piece.length);
      if (padding !== "") hasRoom = socket.write(padding, "latin1");
    }
    return hasRoom;
  }

  return front as unknown as Socket;
}
