/**
 * Stands between a TLS socket and Node's HTTP/2, so that what a client sends is seen before it is
 * taken. Passes bytes on as they are, both ways, at the pace of whoever takes them.
 */
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** @param onBytes given all that comes, before it is passed on */
export function tapFrames(socket: TLSSocket, onBytes: (bytes: Buffer) => void): Duplex {
  const tap = new Duplex({
    allowHalfOpen: true,
    read() {
      socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      socket.write(chunk, done);
    },
    writev(chunks, done) {
      socket.cork();
      chunks.forEach(({ chunk }, index) => {
        const isLast = index === chunks.length - 1;
        socket.write(chunk as Buffer, isLast ? done : undefined);
      });
      socket.uncork();
    },
    final(done) {
      socket.end(() => done());
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (bytes: Buffer) => {
    onBytes(bytes);
    if (!tap.destroyed && !tap.push(bytes)) socket.pause();
  });
  socket.on("end", () => {
    if (!tap.destroyed) tap.push(null);
  });
  socket.on("error", () => {}); // 'close' follows
  socket.on("close", () => tap.destroy());
  tap.on("error", () => {});
  return tap;
}
