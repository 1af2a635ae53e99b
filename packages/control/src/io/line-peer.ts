/** One connection that carries JSON lines both ways. A line that breaks the rules ends it. */
import { connect, type Socket } from "node:net";
import { createLineDecoder, encodeLine } from "../core/lines.ts";

export interface LinePeer<In, Out extends object> {
  readonly send: (message: Out) => void;
  /** Ends after what was sent has left. */
  readonly end: () => void;
  readonly destroy: () => void;
  /** Called once, with the reason when it was an error. */
  onClose: (error: Error | undefined) => void;
  onMessage: (message: In) => void;
}

/** A peer waiting this much behind is dead weight: it is cut off rather than let grow. */
const maxBacklogBytes = 16 * 1024 * 1024;

/** Speaks lines on an accepted or connected socket. */
export function peerOf<In, Out extends object>(socket: Socket): LinePeer<In, Out> {
  const decoder = createLineDecoder();
  let failure: Error | undefined;
  const peer: LinePeer<In, Out> = {
    send(message) {
      if (socket.destroyed || !socket.writable) return;
      socket.write(encodeLine(message));
      if (socket.writableLength > maxBacklogBytes) socket.destroy();
    },
    end: () => {
      socket.end();
    },
    destroy: () => {
      socket.destroy();
    },
    onClose: () => {},
    onMessage: () => {},
  };
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    try {
      for (const message of decoder.push(chunk)) peer.onMessage(message as In);
    } catch (error) {
      failure = error as Error;
      socket.destroy();
    }
  });
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => {
    peer.onClose(failure);
  });
  return peer;
}

/** Connects to a Unix socket; rejects with the system's error (ENOENT, ECONNREFUSED …). */
export function openLinePeer<In, Out extends object>(path: string): Promise<LinePeer<In, Out>> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(peerOf(socket));
    });
  });
}
