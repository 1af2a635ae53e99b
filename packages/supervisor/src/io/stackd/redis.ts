/** The managed redis-server: its command line, and the question whether it serves. */
import { connect } from "node:net";
import { join } from "node:path";
import type { UserPlan } from "@stack/config";
import type { StatePaths } from "@stack/control";
import { makeFolder } from "@stack/process";
import { giveFolder } from "./give-away.ts";

/**
 * On a Unix socket only, in the foreground, bounded. Where its memory is full, of the keys with a
 * time to live (what is cached, sessions) those used longest ago go; what an app keeps for good stays.
 * A snapshot below `.stack/redis` keeps the data over a restart.
 */
export function redisCommand(
  { server, memoryBytes }: { readonly server: string; readonly memoryBytes: number },
  { paths, socket, user }: RedisPlace,
): [string, ...string[]] {
  const folder = join(paths.state, "redis");
  if (user === undefined) makeFolder(folder, 0o700);
  else giveFolder(folder, user);
  return [
    server,
    ...["--port", "0"],
    ...["--unixsocket", socket],
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

export interface RedisPlace {
  readonly paths: StatePaths;
  readonly socket: string;
  /** Who it runs as; undefined: whoever runs the stack. */
  readonly user: UserPlan | undefined;
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
