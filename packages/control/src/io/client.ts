/** The client side of `control.sock`, for the command line and the dashboard. */
import { errorFromReport } from "@stack/base";
import type { ClientRequest, ClientRequestMessage, ServerPush } from "../core/client-messages.ts";
import { controlVersion, type Hello } from "../core/peer-messages.ts";
import { openLinePeer } from "./line-peer.ts";

export interface ControlClient extends Disposable {
  /**
   * Sends one request and waits for its reply.
   *
   * Throws the server's StackError as it was reported there, or a plain Error when the connection
   * ends first.
   */
  readonly request: (request: ClientRequest) => Promise<unknown>;
  /** Snapshots and events, after a `watch` request. */
  onPush: (push: Exclude<ServerPush, { type: "reply" }>) => void;
  onClose: () => void;
}

/** Rejects with ENOENT or ECONNREFUSED when nothing runs there. */
export async function openControlClient(path: string): Promise<ControlClient> {
  const peer = await openLinePeer<ServerPush, Hello | ClientRequestMessage>(path);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let nextId = 1;
  let closed = false;

  const client: ControlClient = {
    request(request) {
      if (closed) return Promise.reject(connectionLost());
      const id = nextId++;
      const reply = Promise.withResolvers<unknown>();
      waiting.set(id, reply);
      peer.send({ type: "request", id, request });
      return reply.promise;
    },
    onPush: () => {},
    onClose: () => {},
    [Symbol.dispose]: () => {
      peer.destroy();
    },
  };

  peer.onMessage = (message) => {
    if (message.type !== "reply") {
      client.onPush(message);
      return;
    }
    const reply = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.ok) reply?.resolve(message.data);
    else reply?.reject(errorFromReport(message.error));
  };
  peer.onClose = () => {
    closed = true;
    for (const reply of waiting.values()) reply.reject(connectionLost());
    waiting.clear();
    client.onClose();
  };
  peer.send({ type: "hello", version: controlVersion, role: "client" });
  return client;
}

function connectionLost(): Error {
  return new Error("the connection to stackd ended before it answered");
}
