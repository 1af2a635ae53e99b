/**
 * A connection to `control.sock` that outlives stackd: edge and arbiters keep it open, and when a
 * successor listens again they introduce themselves to it anew.
 */
import { type LinePeer, openLinePeer } from "./line-peer.ts";

const retryMs = 100;

export interface ReconnectingPeer<Out extends object> extends Disposable {
  /** Dropped when nobody listens: whoever connects next gets a fresh hello and state. */
  readonly send: (message: Out) => void;
  readonly connected: () => boolean;
}

/**
 * @param onOpen called on every connection, to send hello and the whole state
 */
export function openReconnectingPeer<In, Out extends object>(
  path: string,
  onOpen: (send: (message: Out) => void) => void,
  onMessage: (message: In) => void,
): ReconnectingPeer<Out> {
  let peer: LinePeer<In, Out> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function attempt(): Promise<void> {
    try {
      const opened = await openLinePeer<In, Out>(path);
      if (closed) {
        opened.destroy();
        return;
      }
      peer = opened;
      opened.onMessage = onMessage;
      opened.onClose = () => {
        peer = undefined;
        retry();
      };
      onOpen(opened.send);
    } catch {
      retry(); // nobody listens yet: stackd is being replaced
    }
  }

  function retry(): void {
    if (!closed) timer = setTimeout(() => void attempt(), retryMs);
  }

  void attempt();
  return {
    send: (message) => peer?.send(message),
    connected: () => peer !== undefined,
    [Symbol.dispose]() {
      closed = true;
      clearTimeout(timer);
      peer?.destroy();
    },
  };
}
