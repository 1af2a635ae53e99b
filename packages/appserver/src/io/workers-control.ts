/**
 * The arbiter's own socket, `run/@arbiters/APP-INSTANCE.sock`: each Python worker holds one connection to it.
 * Its end is the worker's end, and ours is a drain to the worker (D6).
 */
import { renameSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { type LinePeer, peerOf } from "@stack/control";
import type { ImportFailure } from "../core/import-failure.ts";

/** PROTOCOL.md beside `stack_worker` describes these. */
type WorkerToArbiter =
  | {
      readonly type: "hello";
      readonly key: string;
      readonly pid: number;
      readonly stacksSignal: number;
    }
  | { readonly type: "ready" }
  | ({ readonly type: "import-failed" } & ImportFailure)
  | { readonly type: "startup-failed"; readonly message: string }
  | { readonly type: "failed"; readonly error: string }
  | { readonly type: "draining" }
  | { readonly type: "pong" };

type ArbiterToWorker =
  | { readonly type: "drain"; readonly deadlineMs: number }
  | { readonly type: "ping" }
  /** The edges are asked to drain it: what has no end of its own (WebSockets) is to be ended. */
  | { readonly type: "part" };

export type WorkerPeer = LinePeer<WorkerToArbiter, ArbiterToWorker>;

type WorkerHello = Extract<WorkerToArbiter, { readonly type: "hello" }>;
type Connected = (peer: WorkerPeer, hello: WorkerHello) => void;

export interface WorkersControl extends Disposable {
  readonly path: string;
  /** The next connection that says hello with this key; `peer`'s callbacks are then the caller's. */
  readonly expect: (key: string, connected: Connected) => void;
  readonly forget: (key: string) => void;
}

/** Rejects with the system's error when it cannot listen. */
export function openWorkersControl(path: string): Promise<WorkersControl> {
  const expected = new Map<string, Connected>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const peer: WorkerPeer = peerOf(socket);
    peer.onMessage = (message) => {
      const connected = message.type === "hello" ? expected.get(message.key) : undefined;
      if (message.type !== "hello" || connected === undefined) {
        peer.destroy(); // of an arbiter before us: the end of the connection tells it to drain
        return;
      }
      expected.delete(message.key);
      connected(peer, message);
    };
  });
  // Bound under another name: closing a server removes the name it was bound to, and by then the
  // final one may be our successor's.
  const boundTo = `${path}.${process.pid}`;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(0o177); // decided when the file comes to be, not after
    server.listen(boundTo, () => {
      server.off("error", reject);
      renameSync(boundTo, path);
      resolve({
        path,
        expect: (key, connected) => expected.set(key, connected),
        forget: (key) => expected.delete(key),
        [Symbol.dispose]() {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
    process.umask(mask);
  });
}
