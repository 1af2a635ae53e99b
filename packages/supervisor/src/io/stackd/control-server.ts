/**
 * Serves `control.sock`: finds out who calls, and hands the connection to whom it concerns. Edges have
 * a socket of their own: they face the internet, and may run as somebody who must not say more.
 */
import { lchownSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { UserPlan } from "@stack/config";
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
  readonly onArbiter: (peer: ArbiterPeer, hello: ArbiterHello) => void;
  readonly onError: (message: string) => void;
}

export interface EdgeHandlers {
  readonly onEdge: (peer: EdgePeer, hello: EdgeHello) => void;
  readonly onError: (message: string) => void;
}

const helloMs = 5_000;

/** @param descriptor of the bound socket, inherited from the keeper */
export function serveControl(descriptor: number, handlers: ControlHandlers): Server {
  const server = createServer((socket) => {
    greet(socket, handlers.onError, (peer, hello) => {
      if (hello.role === "client") handlers.onClient(peer as ClientPeer);
      else if (hello.role === "arbiter") handlers.onArbiter(peer as ArbiterPeer, hello);
      else peer.destroy();
    });
  });
  server.on("error", (error) => handlers.onError(`control socket: ${error.message}`));
  server.listen({ fd: descriptor }, 1024);
  return server;
}

/**
 * Serves the edges, at a path in a folder of our own: a predecessor that was killed left its socket.
 *
 * @param user who may connect besides root; undefined: we ourselves
 */
export function serveEdges(
  path: string,
  user: UserPlan | undefined,
  handlers: EdgeHandlers,
): Server {
  const server = createServer((socket) => {
    greet(socket, handlers.onError, (peer, hello) => {
      if (hello.role === "edge") handlers.onEdge(peer as EdgePeer, hello);
      else peer.destroy();
    });
  });
  server.on("error", (error) => handlers.onError(`the edge's socket: ${error.message}`));
  rmSync(path, { force: true });
  const mask = process.umask(0o177);
  server.listen(path, 1024);
  process.umask(mask); // the socket was bound by listen() already
  if (user !== undefined) lchownSync(path, user.uid, user.gid);
  return server;
}

function greet(
  socket: Socket,
  onError: (message: string) => void,
  accept: (peer: LinePeer<never, object>, hello: Hello) => void,
): void {
  const peer = peerOf<unknown, object>(socket);
  const timer = setTimeout(() => peer.destroy(), helloMs);
  peer.onClose = () => clearTimeout(timer);
  peer.onMessage = (message) => {
    clearTimeout(timer);
    const hello = message as Hello;
    if (hello.type === "hello" && hello.version === controlVersion) {
      accept(peer as LinePeer<never, object>, hello);
      return;
    }
    onError(`refused a peer of another version: ${JSON.stringify(hello).slice(0, 100)}`);
    peer.destroy();
  };
}
