/** The listeners of one thread: inherited descriptors (design D1), and the cap on connections. */
import { createServer, type Server, type Socket } from "node:net";
import { parseAddress, type SocketAddress } from "@stack/base";
import { createClientMemo } from "@stack/protocols";
import { plainAddress } from "../../core/routing/client-address.ts";
import type { ListenerOption } from "../../core/thread-messages.ts";
import type { AddressCap } from "../client/address-cap.ts";
import type { ClientConnection } from "../client/client-state.ts";
import type { SpareDescriptor } from "./spare-descriptor.ts";

const backlog = 4096;
/** Connections beyond the cap that are told so at once; more than these are just closed. */
const maxTurnedAway = 256;
const turnAwayMs = 1_000;

export interface ListenOptions {
  readonly listener: ListenerOption;
  readonly descriptor: number;
  readonly spare: Pick<SpareDescriptor, "isShort">;
  /** False: the cap is reached. */
  readonly admits: () => boolean;
  /** The cap on connections of one address. */
  readonly addresses: AddressCap;
  readonly accept: (socket: Socket, facts: ClientConnection["facts"]) => void;
  /** The whole answer for those that are not admitted. */
  readonly turnAwayAnswer: () => string;
}

/** Rejects with the system's error when the descriptor cannot be listened on. */
export function listenOn(options: ListenOptions): Promise<Server> {
  const address = parseAddress(options.listener.address);
  const facts = listenerFacts(address);
  let turnedAway = 0;
  const turnAway = (socket: Socket, answer: () => string): void => {
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
    socket.end(answer(), "latin1");
  };
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
    (socket) => {
      if (options.spare.isShort()) {
        socket.destroy();
        return;
      }
      if (!options.admits()) {
        turnAway(socket, options.turnAwayAnswer);
        return;
      }
      const peerAddress = facts.isUnix ? "" : plainAddress(socket.remoteAddress ?? "");
      if (!options.addresses.admits(socket, peerAddress)) {
        turnAway(socket, options.addresses.turnAwayAnswer);
        return;
      }
      const peerPort = socket.remotePort ?? 0;
      options.accept(socket, { peerAddress, peerPort, said: createClientMemo(), ...facts });
    },
  );
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // Beside, not in the options: with a descriptor Node overlooks it there.
    server.listen({ fd: options.descriptor }, backlog, () => {
      server.off("error", reject);
      server.on("error", () => {}); // accept failed: the next one may succeed
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
