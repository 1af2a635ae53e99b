/**
 * Refuses every connection on every listener with 503 while no edge is ready. Started by the keeper
 * with what is spoken on each listener; their descriptors count from 3. Ended by SIGTERM.
 */
import { createServer, type Server } from "node:net";
import type { SpokenProtocol } from "@stack/control";
import { formatRefusal } from "../core/refusal.ts";

/** A client may send nothing, or for ever: each connection ends within this. */
const lifetimeMs = 5_000;

const servers: Server[] = [];
for (const [index, spoken] of process.argv.slice(2).entries()) {
  const server = createServer((socket) => {
    const timer = setTimeout(() => socket.destroy(), lifetimeMs);
    socket.once("data", (said) => {
      const answer = formatRefusal(spoken as SpokenProtocol, said);
      if (answer === undefined) socket.destroy();
      else socket.end(answer);
    });
    socket.on("error", () => {});
    socket.on("close", () => clearTimeout(timer));
    socket.resume(); // what else it sends is read and dropped: a reset would take our answer with it
  });
  server.listen({ fd: 3 + index }, 1024);
  servers.push(server);
}

process.on("SIGTERM", () => {
  for (const server of servers) server.close();
  setTimeout(() => process.exit(0), lifetimeMs).unref();
});
