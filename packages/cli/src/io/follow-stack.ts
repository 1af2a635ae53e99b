/**
 * A connection to a running stack that outlives stackd: it comes back to every successor, owns the
 * stack again if it did, and says when the stack has ended.
 */
import {
  type ControlClient,
  openControlClient,
  type StackEvent,
  type StatusData,
} from "@stack/control";
import { isRunning, readStartTime } from "@stack/process";
import type { StackPlace } from "./session.ts";

export interface FollowOptions {
  readonly own: boolean;
  readonly onStatus?: (status: StatusData) => void;
  readonly onEvent?: (event: StackEvent) => void;
}

/** How a stack came to its end: stopped as asked, or its keeper killed. */
type StackEnd = "stopped" | "killed";

export interface FollowedStack extends Disposable {
  readonly keeperPid: number;
  /** The client of the moment; rejects when stackd is being replaced for longer than 10 s. */
  readonly client: () => Promise<ControlClient>;
  readonly ended: Promise<StackEnd>;
  /** Gives the stack up: it goes on without us. */
  readonly disown: () => Promise<void>;
}

const retryMs = 100;
const replaceMs = 10_000;

/** @param keeperPid whose end is the stack's */
export async function followStack(
  place: StackPlace,
  keeperPid: number,
  options: FollowOptions,
): Promise<FollowedStack> {
  const startTime = readStartTime(keeperPid) ?? 0;
  const ended = Promise.withResolvers<StackEnd>();
  let owning = options.own;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let client: ControlClient | undefined;
  let next = Promise.withResolvers<ControlClient>();

  async function connect(): Promise<void> {
    try {
      const opened = await openControlClient(place.paths.control);
      if (closed) {
        opened[Symbol.dispose]();
        return;
      }
      opened.onClose = () => {
        client = undefined;
        next = Promise.withResolvers();
        retry();
      };
      opened.onPush = (push) => {
        if (push.type === "snapshot") options.onStatus?.(push.status);
        else options.onEvent?.(push.event);
      };
      if (owning) await opened.request({ op: "own" });
      client = opened;
      next.resolve(opened);
      if (options.onStatus !== undefined || options.onEvent !== undefined) {
        await opened.request({ op: "watch" });
      }
    } catch (error) {
      if (client !== undefined) return; // it was lost again: onClose has seen to it
      const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (isRunning(keeperPid, startTime)) retry();
      else ended.resolve(gone ? "stopped" : "killed");
    }
  }

  function retry(): void {
    if (!closed) timer = setTimeout(() => void connect(), retryMs);
  }

  await connect();
  return {
    keeperPid,
    client: async () => client ?? withLimit(next.promise),
    ended: ended.promise,
    async disown() {
      owning = false;
      await client?.request({ op: "disown" });
    },
    [Symbol.dispose]() {
      closed = true;
      clearTimeout(timer);
      client?.[Symbol.dispose]();
    },
  };
}

async function withLimit<T>(promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("stackd does not come back")), replaceMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
