/** A connection to a Python worker that is one channel: one exchange at a time, of whatever kind. */
import { connect } from "node:net";
import { createWorkerFrameReader, initialWindow } from "@stack/protocols";
import {
  breach,
  type ChannelHost,
  channelEvents,
  createChannel,
  describe,
  onChannelClosed,
  type WorkerChannel,
} from "./worker-channel.ts";

/** @param slot taken over from a connection that was closed before its worker was ready again; else -1 */
export function openOwnConnection(host: ChannelHost, slot: number): WorkerChannel {
  const { flusher } = host.thread;
  const socket = connect({
    ...socketAddress(host),
    noDelay: true,
    onread: {
      buffer: host.buffer,
      callback(bytes, buffer) {
        flusher.enter();
        try {
          const problem = reader.push(buffer as Buffer, 0, bytes);
          if (problem !== "") breach(channel, problem);
        } catch (error) {
          breach(channel, describe(error));
        }
        flusher.leave();
        return !channel.paused;
      },
    },
  });
  host.thread.quicken(socket);
  const reader = createWorkerFrameReader(channelEvents(() => channel));
  const close = (): void => {
    reader.stop();
    socket.destroy();
  };
  const channel = createChannel(host, socket, close, { window: initialWindow, slot });
  socket.on("error", () => {}); // 'close' follows
  socket.on("close", () => onChannelClosed(channel, socket.bytesRead > 0));
  return channel;
}

/** Where the worker listens, for `net.connect`. */
export function socketAddress({ address }: ChannelHost) {
  return address.kind === "unix"
    ? { path: address.path }
    : { host: address.host, port: address.port };
}
