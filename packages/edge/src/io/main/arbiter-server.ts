/** `run/edge-G.sock`: where arbiters tell this edge generation about their workers, without stackd. */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import {
  type ArbiterToEdge,
  controlVersion,
  type EdgeToArbiter,
  type LinePeer,
  peerOf,
} from "@stack/control";

export type ArbiterPeer = LinePeer<ArbiterToEdge, EdgeToArbiter>;

export interface ArbiterEvents {
  readonly onMessage: (peer: ArbiterPeer, app: string, message: ArbiterToEdge) => void;
  readonly onGone: (peer: ArbiterPeer) => void;
}

export interface ArbiterServer {
  /** Stops listening and removes the socket. */
  readonly close: () => void;
}

/** Resolves when it listens; rejects with the system's error. Only the owner may connect (0600). */
export function startArbiterServer(path: string, events: ArbiterEvents): Promise<ArbiterServer> {
  rmSync(path, { force: true }); // the generation is ours alone: what lies there is left over
  const server = createServer((socket) => {
    const peer: ArbiterPeer = peerOf(socket);
    let app: string | undefined;
    peer.onMessage = (message) => {
      if (message.type === "register") {
        if (message.version !== controlVersion) {
          peer.destroy();
          return;
        }
        app = message.app;
      }
      if (app !== undefined) events.onMessage(peer, app, message);
    };
    peer.onClose = () => events.onGone(peer);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(0o177);
    server.listen(path, () => {
      server.off("error", reject);
      server.on("error", () => {}); // accept failed: the arbiter tries again
      resolve({
        close() {
          server.close();
          rmSync(path, { force: true });
        },
      });
    });
    process.umask(mask); // the socket was bound by listen() already
  });
}
