/** Whether an address could be listened on now: listens for a moment, and gives it back. */
import { createServer } from "node:net";
import type { SocketAddress } from "@stack/base";

/** Undefined when it is free, or the system's error: EADDRINUSE, EACCES … */
export function tryListen(address: SocketAddress): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", done);
    server.listen(
      address.kind === "unix"
        ? { path: address.path }
        : { host: address.host, port: address.port, exclusive: true },
      () => server.close(() => done(undefined)),
    );
  });
}
