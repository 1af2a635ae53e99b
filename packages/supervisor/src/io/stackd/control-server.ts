/** Serves `control.sock`: finds out who calls, and hands the connection to whom it concerns. */
import { createServer, type Server, type Socket } from "node:net";
import {
  type ClientRequestMessage,
  controlVersion,
  type Hello,
  type LinePeer,
  peerOf,
  type ServerPush,
} from "@stack/control";
import type { ArbiterHello, ArbiterPeer } from "./app-instance.ts";
import type { EdgeHello, EdgePeer } from "./edge-generation.ts";

export type ClientPeer = LinePeer<ClientRequestMessage, ServerPush>;

export interface ControlHandlers {
  readonly onClient: (peer: ClientPeer) => void;
  readonly onEdge: (peer: EdgePeer, hello: EdgeHello) => void;
  readonly onArbiter: (peer: ArbiterPeer, hello: ArbiterHello) => void;
  readonly onError: (message: string) => void;
}

const helloMs = 5_000;

/** @param descriptor of the bound socket, inherited from the keeper */
export function serveControl(descriptor: number, handlers: ControlHandlers): Server {
  const server = createServer((socket) => greet(socket, handlers));
  server.on("error", (error) => handlers.onError(`control socket: ${error.message}`));
  server.listen({ fd: descriptor }, 1024);
  return server;
}

function greet(socket: Socket, handlers: ControlHandlers): void {
  const peer = peerOf<unknown, object>(socket);
  const timer = setTimeout(() => peer.destroy(), helloMs);
  peer.onClose = () => clearTimeout(timer);
  peer.onMessage = (message) => {
    clearTimeout(timer);
    const hello = message as Hello;
    if (hello.type !== "hello" || hello.version !== controlVersion) {
      handlers.onError(`refused a peer of another version: ${JSON.stringify(hello).slice(0, 100)}`);
      peer.destroy();
      return;
    }
    switch (hello.role) {
      case "client":
        handlers.onClient(peer as ClientPeer);
        return;
      case "edge":
        handlers.onEdge(peer as unknown as EdgePeer, hello);
        return;
      case "arbiter":
        handlers.onArbiter(peer as unknown as ArbiterPeer, hello);
        return;
    }
  };
}
