/**
 * Reading accepted sockets through `onread` into one static buffer (design D4). Public for
 * `net.connect` only; for accepted sockets the same fields are set in place, found by their
 * descriptions. `probeAdoption` tries it with a real exchange at start; where it does not work,
 * `'data'` events serve. Nothing else knows how sockets are read.
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { findReadSymbols, type ReadSymbols, type SocketInternals } from "./node-streams.ts";

/**
 * Takes buffer[0, bytes). The buffer is used again by the next read of any socket: what must
 * outlive the call is copied, and no view of it may reach `write()`. False: read no more until
 * `socket.resume()`.
 */
export type ReadCallback = (bytes: number, buffer: Buffer) => boolean;

/** Begins to read a socket that was accepted with `pauseOnConnect`. */
export type Adopter = (socket: Socket, onRead: ReadCallback) => void;

const probeDeadlineMs = 2_000;

/** @param inPlace what `probeAdoption` found */
export function createAdopter(buffer: Buffer, inPlace: boolean): Adopter {
  const symbols = inPlace ? findReadSymbols() : undefined;
  return symbols === undefined
    ? adoptByEvents
    : (socket, onRead) => {
        adoptInPlace(socket, buffer, onRead, symbols);
      };
}

/** Whether accepted sockets of this Node can be adopted in place: tried over loopback. */
export async function probeAdoption(): Promise<boolean> {
  const symbols = findReadSymbols();
  if (symbols === undefined) return false;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") return false;
    return await probeExchange(server, address.port, symbols);
  } catch {
    return false;
  } finally {
    server.close();
  }
}

function probeExchange(
  server: ReturnType<typeof createServer>,
  port: number,
  symbols: ReadSymbols,
): Promise<boolean> {
  return new Promise((resolve) => {
    const buffer = Buffer.alloc(1024);
    const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const sockets: Socket[] = [client];
    let echoed = "";
    const finish = (works: boolean): void => {
      clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      resolve(works);
    };
    const timer = setTimeout(() => finish(false), probeDeadlineMs);
    server.on("connection", (socket) => {
      sockets.push(socket);
      let ended = false;
      try {
        adoptInPlace(
          socket,
          buffer,
          (bytes, read) => {
            if (read !== buffer || ended) finish(false);
            else socket.write(read.toString("latin1", 0, bytes), "latin1");
            return true;
          },
          symbols,
        );
      } catch {
        finish(false);
      }
      socket.on("error", () => finish(false));
      socket.on("end", () => {
        ended = true;
        socket.end("bye", "latin1");
      });
    });
    client.on("error", () => finish(false));
    client.setEncoding("latin1");
    client.on("data", (text: string) => {
      echoed += text;
      if (echoed === "one") client.end("two", "latin1");
    });
    client.on("end", () => finish(echoed === "onetwobye"));
    client.write("one", "latin1");
  });
}

function adoptInPlace(
  socket: Socket,
  buffer: Buffer,
  onRead: ReadCallback,
  symbols: ReadSymbols,
): void {
  const internals = socket as unknown as SocketInternals;
  if (typeof internals._handle?.useUserBuffer !== "function") throw new Error("no useUserBuffer");
  // What came before: behind a PROXY header, or with the last of a handshake.
  const early: unknown = socket.readableLength > 0 ? socket.read() : null;
  internals[symbols.buffer] = buffer;
  internals[symbols.callback] = onRead;
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of libuv's handle, no React hook
  internals._handle.useUserBuffer(buffer);
  if (Buffer.isBuffer(early) && !onRead(early.length, early)) return;
  socket.read(0);
  socket.resume();
}

function adoptByEvents(socket: Socket, onRead: ReadCallback): void {
  socket.on("data", (piece: Buffer) => {
    if (!onRead(piece.length, piece)) socket.pause();
  });
  socket.resume();
}
