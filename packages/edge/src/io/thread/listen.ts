/** The listeners of one thread: inherited descriptors (design D1), and the cap on connections. */
import { createServer, type Server, type Socket } from "node:net";
import { parseAddress, type SocketAddress } from "@stack/base";
import { plainAddress } from "../../core/routing/client-address.ts";
import type { ListenerOption } from "../../core/thread-messages.ts";
import type { ClientConnection } from "../client/client-state.ts";

const backlog = 4096;
/** Connections beyond the cap that are told so at once; more than these are just closed. */
const maxTurnedAway = 256;
const turnAwayMs = 1_000;

export interface ListenOptions {
  readonly listener: ListenerOption;
  readonly descriptor: number;
  /** False: the cap is reached. */
  readonly admits: () => boolean;
  readonly accept: (socket: Socket, facts: ClientConnection["facts"]) => void;
  /** The whole answer for those that are not admitted. */
  readonly turnAwayAnswer: () => string;
}

/** Rejects with the system's error when the descriptor cannot be listened on. */
export function listenOn(options: ListenOptions): Promise<Server> {
  const address = parseAddress(options.listener.address);
  const facts = listenerFacts(address);
  let turnedAway = 0;
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
    (socket) => {
      if (options.admits()) {
        options.accept(socket, {
          peerAddress: facts.isUnix ? "" : plainAddress(socket.remoteAddress ?? ""),
          peerPort: socket.remotePort ?? 0,
          ...facts,
        });
        return;
      }
      socket.on("error", () => {}); // 'close' follows
      if (turnedAway >= maxTurnedAway) {
        socket.destroy();
        return;
      }
      turnedAway += 1;
      socket.on("close", () => {
        turnedAway -= 1;
      });
      socket.setTimeout(turnAwayMs, () => socket.destroy());
      socket.resume();
      socket.end(options.turnAwayAnswer(), "latin1");
    },
  );
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ fd: options.descriptor, backlog }, () => {
      server.off("error", reject);
      server.on("error", () => {}); // accept failed (EMFILE): the next one may succeed
      resolve(server);
    });
  });
}

function listenerFacts(address: SocketAddress | undefined) {
  if (address === undefined || address.kind === "unix") {
    return { scheme: "http", serverName: "localhost", serverPort: 80, isUnix: true } as const;
  }
  const any = address.host === "0.0.0.0" || address.host === "::";
  return {
    scheme: "http",
    serverName: any ? "localhost" : address.host.includes(":") ? `[${address.host}]` : address.host,
    serverPort: address.port,
    isUnix: false,
  } as const;
}
