/** Whether an address could be listened on now: listens for a moment, and gives it back. */
import { createServer } from "node:net";
import type { SocketAddress } from "@stack/base";

/** "free", or the system's name of what is in the way: EADDRINUSE, EACCES … */
export function tryListen(address: SocketAddress): Promise<string> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen(
      address.kind === "unix"
        ? { path: address.path }
        : { host: address.host, port: address.port, exclusive: true },
      () => server.close(() => done("free")),
    );
  });
}
