/**
 * A connection to a Python worker that many exchanges share, each a stream of it: what several of
 * them have to say goes in one write, and several answers come in one read. For exchanges whose request is
 * known whole; the others have a connection of their own.
 */
import {
  createSharedFrameReader,
  encodeAbort,
  encodeStream,
  streamWindow,
  workerProtocolVersion,
} from "@stack/protocols";
import type { Holder } from "../thread/turn-end.ts";
import {
  breach,
  type ChannelHost,
  channelEvents,
  createChannel,
  describe,
  onChannelClosed,
  type WorkerChannel,
} from "./worker-channel.ts";
import { openWorkerSocket } from "./worker-socket.ts";

export interface SharedConnection {
  /** The worker takes new exchanges on it. */
  readonly isReady: () => boolean;
  /** A stream for one exchange, which has this slot; `onReady` says that it is over. */
  readonly take: (slot: number) => WorkerChannel;
  /** Those that carry an exchange. */
  readonly streams: () => Iterable<WorkerChannel>;
  /** Closes it as soon as it carries nothing. */
  readonly retire: () => void;
  readonly close: () => void;
}

export interface SharedConnectionEvents {
  readonly onReady: () => void;
  /** The worker wants no new exchange. */
  readonly onGoaway: () => void;
  /** It has ended under exchanges, which are told so next: the worker is gone, or about to be. */
  readonly onLost: () => void;
  /** It has closed, and so have its streams. */
  readonly onClosed: () => void;
}

/** More than this is not held back until the others have said what they have to. */
const mostPending = 16 * 1024;

/** @param host of the streams: `onReady` is called when an exchange is over, `onClosed` when it ended early */
export function openSharedConnection(
  host: ChannelHost,
  events: SharedConnectionEvents,
): SharedConnection {
  const { log, turnEnd } = host.thread;
  const streams = new Map<number, WorkerChannel>();
  const spare: WorkerChannel[] = [];
  let lastId = 0;
  /** Whose frames arrive. */
  let current: WorkerChannel | undefined;
  let isReady = false;
  let isRetired = false;
  /** What is to be written, and the stream its last frame belongs to. */
  let pending = "";
  let pendingId = 0;
  let isScheduled = false;

  const socket = openWorkerSocket(host, {
    reader: () => reader,
    onProblem: fail,
    isPaused: () => false,
    onClosed: onClose,
  });

  const answers = channelEvents(() => current as WorkerChannel);
  const reader = createSharedFrameReader({
    ...answers,
    onStream(id) {
      current = streams.get(id);
      return current?.answer;
    },
    onAbort(id) {
      const stream = streams.get(id);
      if (stream !== undefined) end(stream);
    },
    onReady(version) {
      if (version !== workerProtocolVersion) {
        fail(`it speaks protocol ${version}, not ${workerProtocolVersion}`);
        return;
      }
      isReady = true;
      events.onReady();
    },
    onEnd() {
      const stream = current;
      answers.onEnd();
      if (stream !== undefined) release(stream);
    },
    onFail() {
      const stream = current;
      answers.onFail();
      if (stream !== undefined) release(stream);
    },
    onGoaway() {
      events.onGoaway();
      retire();
    },
  });

  function createStream(): WorkerChannel {
    const close = (): void => {
      if (!streams.has(stream.id)) return;
      put(0, encodeAbort(stream.id));
      end(stream);
    };
    const streamSocket = {
      write(text: string | Uint8Array): boolean {
        put(stream.id, text as string);
        return true;
      },
      cork: nothing,
      uncork: nothing,
      resume: nothing,
      setTimeout: nothing,
    };
    const options = { window: streamWindow, slot: -1 };
    const stream = createChannel({ ...host, onReady: release }, streamSocket, close, options);
    return stream;
  }

  /** Its exchange is over; whoever comes next has the stream under another number. */
  function release(stream: WorkerChannel): void {
    if (!streams.delete(stream.id)) return;
    spare.push(stream);
    host.onReady(stream);
    closeIfDone();
  }

  /** Before its exchange was over. What still comes for it is passed over. */
  function end(stream: WorkerChannel): void {
    streams.delete(stream.id);
    stream.answer.phase = "over";
    // Later: whoever ends it is not done yet.
    process.nextTick(() => {
      onChannelClosed(stream, true);
      closeIfDone();
    });
  }

  function put(id: number, frames: string): void {
    if (pending.length + frames.length > mostPending) flush();
    if (id !== pendingId && id !== 0) {
      pendingId = id;
      pending += encodeStream(id);
    }
    pending += frames;
    // While others are under way more will probably be said before this turn of the loop ends.
    if (streams.size <= 1) flush();
    else if (!isScheduled) {
      isScheduled = true;
      turnEnd.ask(holder);
    }
  }

  const holder: Holder = {
    writeHeld() {
      isScheduled = false;
      flush();
    },
    onBug: (error) => fail(describe(error)),
  };

  function flush(): void {
    if (pending === "" || socket.destroyed) return;
    const text = pending;
    pending = "";
    socket.write(text, "latin1");
  }

  function fail(problem: string): void {
    if (current !== undefined && streams.has(current.id)) breach(current, problem);
    else log.error(`worker ${host.name}: ${problem}`);
    close();
  }

  function retire(): void {
    isRetired = true;
    isReady = false;
    closeIfDone();
  }

  function closeIfDone(): void {
    if (isRetired && streams.size === 0) close();
  }

  function close(): void {
    isReady = false;
    reader.stop();
    socket.destroy();
  }

  function onClose(): void {
    isReady = false;
    const lost = [...streams.values()];
    streams.clear();
    if (lost.length > 0) events.onLost();
    for (const stream of lost) onChannelClosed(stream, true);
    events.onClosed();
  }

  return {
    isReady: () => isReady,
    take(slot) {
      const stream = spare.pop() ?? createStream();
      lastId = (lastId % 0xffff_ffff) + 1;
      stream.id = lastId;
      stream.slot = slot;
      stream.answer = { phase: "ready" };
      streams.set(lastId, stream);
      return stream;
    },
    streams: () => streams.values(),
    retire,
    close,
  };
}

function nothing(): void {}
