/** The socket to a Python worker, whatever it carries: read into the thread's buffer, its frames given on. */
import { connect, type Socket } from "node:net";
import type { FrameReader } from "@stack/protocols";
import { type ChannelHost, describe } from "./worker-channel.ts";

export interface WorkerSocketEvents {
  readonly reader: () => FrameReader;
  /** The worker broke the rules, or we did when we took in what it said. */
  readonly onProblem: (problem: string) => void;
  /** Nothing more is read for now. */
  readonly isPaused: () => boolean;
  readonly onClosed: () => void;
}

export function openWorkerSocket(host: ChannelHost, events: WorkerSocketEvents): Socket {
  const { address, buffer, thread } = host;
  const socket = connect({
    ...(address.kind === "unix"
      ? { path: address.path }
      : { host: address.host, port: address.port }),
    noDelay: true,
    onread: {
      buffer,
      callback(bytes, arrived) {
        try {
          const problem = events.reader().push(arrived as Buffer, 0, bytes);
          if (problem !== "") events.onProblem(problem);
        } catch (error) {
          events.onProblem(describe(error));
        }
        return !events.isPaused();
      },
    },
  });
  thread.quicken(socket);
  socket.on("error", () => {}); // 'close' follows
  socket.on("close", events.onClosed);
  return socket;
}
