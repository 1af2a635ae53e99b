/** The managed redis-server: its command line, and the question whether it serves. */
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { StatePaths } from "@stack/control";

/**
 * On a Unix socket only, in the foreground, bounded. Where its memory is full, of the keys with a
 * time to live (what is cached, sessions) those used longest ago go; what an app keeps for good stays.
 * A snapshot below `.stack/redis` keeps the data over a restart.
 */
export function redisCommand(
  { server, memoryBytes }: { readonly server: string; readonly memoryBytes: number },
  paths: StatePaths,
): [string, ...string[]] {
  const folder = redisFolder(paths);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return [
    server,
    ...["--port", "0"],
    ...["--unixsocket", redisSocket(paths)],
    ...["--unixsocketperm", "600"],
    ...["--dir", folder],
    ...["--daemonize", "no"],
    ...["--logfile", ""],
    ...["--maxmemory", String(memoryBytes)],
    ...["--maxmemory-policy", "volatile-lru"],
    ...["--appendonly", "no"],
    ...["--save", "300 1"],
  ];
}

export function redisSocket(paths: StatePaths): string {
  return join(paths.run, "redis.sock");
}

function redisFolder(paths: StatePaths): string {
  return join(paths.state, "redis");
}

const pingEveryMs = 20;

/** Calls back once PING is answered with PONG, until the signal aborts. */
export function awaitRedis(socketPath: string, signal: AbortSignal, onReady: () => void): void {
  if (signal.aborted) return;
  const socket = connect({ path: socketPath });
  let answered = false;
  socket.setEncoding("latin1");
  socket.setTimeout(1_000, () => socket.destroy());
  socket.once("connect", () => socket.write("PING\r\n"));
  socket.once("data", (reply: string) => {
    answered = reply.startsWith("+PONG"); // "-LOADING" while it reads its snapshot
    socket.destroy();
  });
  socket.on("error", () => {}); // not listening yet
  socket.once("close", () => {
    if (signal.aborted) return;
    if (answered) onReady();
    else setTimeout(() => awaitRedis(socketPath, signal, onReady), pingEveryMs);
  });
}
