/** A connection to a Python worker that is one channel: one exchange at a time, of whatever kind. */
import { createWorkerFrameReader, initialWindow } from "@stack/protocols";
import {
  breach,
  type ChannelHost,
  channelEvents,
  createChannel,
  onChannelClosed,
  type WorkerChannel,
} from "./worker-channel.ts";
import { openWorkerSocket } from "./worker-socket.ts";

/** @param slot taken over from a connection that was closed before its worker was ready again; else -1 */
export function openOwnConnection(host: ChannelHost, slot: number): WorkerChannel {
  const socket = openWorkerSocket(host, {
    reader: () => reader,
    onProblem: (problem) => breach(channel, problem),
    isPaused: () => channel.paused,
    onClosed: () => onChannelClosed(channel, socket.bytesRead > 0),
  });
  const reader = createWorkerFrameReader(channelEvents(() => channel));
  const close = (): void => {
    reader.stop();
    socket.destroy();
  };
  const channel = createChannel(host, socket, close, { window: initialWindow, slot });
  return channel;
}
