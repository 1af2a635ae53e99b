/**
 * What of Node's streams only Node itself is meant to know, and sockets are made quick with. It is
 * looked for; where it is not, everything goes through the streams as ever.
 */
import { Socket } from "node:net";

/** Of libuv's streams. */
export interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  /** What the last call of libuv's says, at the two places below. */
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

export interface WriteRequest {
  oncomplete?: (status: number) => void;
  /** What libuv still reads from: kept as long as the request is. */
  buffer?: Uint8Array;
}

/** Where a socket that reads into a buffer of its owner's has that buffer, and whom it tells. */
export interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** The parts of a socket used here. */
export interface SocketInternals {
  [key: symbol]: unknown;
  _handle?: SocketHandle | null;
  _write?: (chunk: unknown, encoding: unknown, done: (error?: Error | null) => void) => void;
}

interface SocketHandle {
  /** Of TLS: of the connection below. */
  readonly _parent?: SocketHandle | null;
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  reading?: boolean;
  onread?: (bytes: unknown) => void;
  readStop?: () => number;
  useUserBuffer?: (buffer: Buffer) => void;
  writeLatin1String?: (request: WriteRequest, text: string) => number;
  writeBuffer?: (request: WriteRequest, bytes: Uint8Array) => number;
}

export function findStreamBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { binding?: (name: string) => StreamBinding };
    const found = binding?.("stream_wrap");
    const isComplete =
      typeof found?.WriteWrap === "function" &&
      found.streamBaseState instanceof Int32Array &&
      Number.isInteger(found.kReadBytesOrError) &&
      Number.isInteger(found.kLastWriteWasAsync);
    return isComplete ? found : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the kernel has taken so far of what was written to a socket, to the byte: whether, and how fast, the
 * other side reads. `socket.bytesWritten` counts what waits as well, and what waits may stay as long as it is.
 */
export function bytesTaken(socket: Socket): number {
  const { _handle: handle } = socket as unknown as Pick<SocketInternals, "_handle">;
  const { bytesWritten = 0, writeQueueSize = 0 } = handle?._parent ?? handle ?? {};
  return bytesWritten - writeQueueSize;
}

export function findReadSymbols(): ReadSymbols | undefined {
  const sample = new Socket({
    onread: { buffer: Buffer.alloc(1), callback: () => true },
  });
  const symbols = Object.getOwnPropertySymbols(sample);
  sample.destroy();
  const buffer = symbols.find((symbol) => symbol.description === "kBuffer");
  const callback = symbols.find((symbol) => symbol.description === "kBufferCb");
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}
