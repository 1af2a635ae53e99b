/**
 * TCP ports for servers that must be told theirs. One from the system ("port 0") may be given to
 * somebody else, for a listener or a connection, before the server binds it; so each process claims a
 * block of ports below those the system gives out, by listening on its first as long as it lives.
 */
import { createServer, type Server } from "node:net";

const firstPort = 20_000;
const blockSize = 100;
const blocks = 120; // up to 32,000: the system's own begin at 32,768

let claimed: Promise<() => number> | undefined;

/** A port of 127.0.0.1 that nobody else who asks here is given, and that is free now. */
export async function freePort(): Promise<number> {
  claimed ??= claimBlock();
  const nextPort = await claimed;
  for (let tries = 1; tries < blockSize; tries += 1) {
    const port = nextPort();
    const server = await listen(port);
    if (server === undefined) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("every port of this process is in use");
}

/** Its ports in turn. */
async function claimBlock(): Promise<() => number> {
  for (let tries = 0; tries < blocks; tries += 1) {
    const base = firstPort + ((process.pid + tries) % blocks) * blockSize;
    const claim = await listen(base);
    if (claim === undefined) continue;
    claim.unref();
    let given = 0;
    return () => {
      given = (given % (blockSize - 1)) + 1;
      return base + given;
    };
  }
  throw new Error("other processes hold every block of ports");
}

/** Undefined when somebody else has it. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
