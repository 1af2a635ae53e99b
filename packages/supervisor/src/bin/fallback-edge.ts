/**
 * Answers every connection on every listener with 503 while no edge is ready. Started by the keeper
 * with the number of listeners; their descriptors count from 3. Ended by SIGTERM.
 */
import { createServer, type Server } from "node:net";

const body = "503 Service Unavailable: the server is being restarted, try again in a moment\n";
const answer = [
  "HTTP/1.1 503 Service Unavailable",
  "Content-Type: text/plain; charset=utf-8",
  `Content-Length: ${body.length}`,
  "Retry-After: 5",
  "Cache-Control: no-store",
  "Connection: close",
  "",
  body,
].join("\r\n");

/** A client may send nothing, or for ever: each connection ends within this. */
const lifetimeMs = 5_000;

const servers: Server[] = [];
for (let index = 0; index < Number(process.argv[2]); index += 1) {
  const server = createServer((socket) => {
    const timer = setTimeout(() => socket.destroy(), lifetimeMs);
    socket.once("data", () => socket.end(answer));
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
