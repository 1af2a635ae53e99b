/** Clients that dawdle: some read a page at 10 KB/s, some send a body at that pace, for ever anew. */
import { connect, type Socket } from "node:net";

const pieceBytes = 1024;
const pieceEveryMs = 100;
const bodyBytes = 200_000;

export interface SlowClients extends AsyncDisposable {
  readonly open: () => number;
}

/** @param pagePath a page much larger than what the kernel buffers */
export function startSlowClients(port: number, pagePath: string, count: number): SlowClients {
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let ended = false;

  function begin(reads: boolean): void {
    const socket = connect({ port, host: "127.0.0.1" });
    sockets.add(socket);
    const request = reads
      ? `GET ${pagePath} HTTP/1.1\r\nHost: bench.test\r\n\r\n`
      : `POST / HTTP/1.1\r\nHost: bench.test\r\nContent-Length: ${bodyBytes}\r\n\r\n`;
    socket.write(request);
    const timer = setInterval(() => {
      if (reads) socket.read(pieceBytes);
      else socket.write("x".repeat(pieceBytes));
    }, pieceEveryMs);
    timers.add(timer);
    // Nothing reads but the timer.
    if (reads) socket.on("readable", () => {});
    else socket.resume();
    socket.on("error", () => {}); // 'close' follows
    socket.on("close", () => {
      clearInterval(timer);
      timers.delete(timer);
      sockets.delete(socket);
      if (!ended) begin(reads);
    });
  }

  for (let n = 0; n < count; n += 1) begin(n % 2 === 0);
  return {
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      ended = true;
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}
