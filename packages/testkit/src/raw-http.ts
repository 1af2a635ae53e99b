/** HTTP as bytes: what went over the wire, with no client library in between that would repair it. */
import { connect, type NetConnectOpts } from "node:net";

/**
 * Sends bytes and returns all that came back, as latin-1, until the server closed, or `enough` says
 * so. Each element of `pieces` is a write of its own.
 */
export function exchangeRaw(
  target: NetConnectOpts,
  pieces: readonly (string | Buffer)[],
  enough: (received: string) => boolean = () => false,
  timeoutMs = 20_000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect({ allowHalfOpen: true, ...target });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end within ${timeoutMs} ms; received ${JSON.stringify(received)}`));
    }, timeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(received);
    };
    socket.setEncoding("latin1");
    socket.setNoDelay(true);
    socket.on("connect", () => {
      for (const piece of pieces) socket.write(piece, "latin1");
    });
    socket.on("data", (chunk: string) => {
      received += chunk;
      if (enough(received)) finish();
    });
    socket.on("end", finish);
    socket.on("error", (error) => {
      if (received !== "") finish();
      else {
        clearTimeout(timer);
        reject(error);
      }
    });
  });
}
