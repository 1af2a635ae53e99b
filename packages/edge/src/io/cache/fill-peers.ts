/** The traffic between this thread and the others about answers on their way. */
import { performance } from "node:perf_hooks";
import type { FillMessage, ToLender } from "../../core/cache/fill-messages.ts";
import { type Borrowed, borrowFill } from "./borrow-fill.ts";
import type { Fill } from "./fill.ts";
import { type Lent, lendFill } from "./lend-fill.ts";

export interface FillPeers {
  /** Undefined when that thread is not there any more. */
  readonly borrow: (thread: number, key: string) => Fill | undefined;
  readonly onMessage: (thread: number, message: FillMessage) => void;
  readonly onThreadEnd: (thread: number) => void;
  readonly check: (nowMs: number) => void;
}

export interface FillPeersOptions {
  /** What this thread fetches or waits for, by key. */
  readonly fills: Map<string, Fill>;
  /** False when there is no such thread. */
  readonly post: (thread: number, message: FillMessage) => boolean;
  /** The cells of a thread that has ended come free. */
  readonly forget: (thread: number) => void;
}

/** A thread that says nothing about an answer for so long is not waited for. */
const silenceMs = 90_000;

interface Waiting {
  readonly thread: number;
  readonly borrowed: Borrowed;
  heardAt: number;
}

export function createFillPeers({ fills, post, forget }: FillPeersOptions): FillPeers {
  const borrowed = new Map<number, Waiting>();
  /** By thread and its id. */
  const lent = new Map<string, Lent>();
  const ended = new Set<number>();
  let serial = 0;

  function lend(thread: number, { id, key }: ToLender & { readonly fill: "join" }): void {
    const fill = fills.get(key);
    const isBorrowed = [...borrowed.values()].some((one) => one.borrowed.fill === fill);
    if (fill === undefined || !fill.isOpen() || isBorrowed) {
      post(thread, { fill: "released", id, isLost: true });
      return;
    }
    const name = `${thread} ${id}`;
    let isOver = false;
    const one = lendFill(
      fill,
      id,
      (message) => void post(thread, message),
      () => {
        isOver = true;
        lent.delete(name);
      },
    );
    if (!isOver) lent.set(name, one);
  }

  return {
    borrow(thread, key) {
      if (ended.has(thread)) return undefined;
      serial += 1;
      const id = serial;
      if (!post(thread, { fill: "join", id, key })) return undefined;
      const one = borrowFill(
        key,
        id,
        (message) => void post(thread, message),
        () => {
          borrowed.delete(id);
          if (fills.get(key) === one.fill) fills.delete(key);
        },
      );
      borrowed.set(id, { thread, borrowed: one, heardAt: performance.now() });
      fills.set(key, one.fill);
      return one.fill;
    },
    onMessage(thread, message) {
      switch (message.fill) {
        case "join":
          lend(thread, message);
          return;
        case "leave":
          lent.get(`${thread} ${message.id}`)?.end();
          return;
        case "took":
          lent.get(`${thread} ${message.id}`)?.onTook(message.bytes);
          return;
        default: {
          const waiting = borrowed.get(message.id);
          if (waiting === undefined) return;
          waiting.heardAt = performance.now();
          waiting.borrowed.onMessage(message);
        }
      }
    },
    onThreadEnd(thread) {
      ended.add(thread);
      forget(thread);
      for (const one of [...borrowed.values()]) if (one.thread === thread) one.borrowed.onLost();
      for (const [name, one] of [...lent]) if (name.startsWith(`${thread} `)) one.end();
    },
    check(nowMs) {
      for (const one of [...borrowed.values()]) {
        if (nowMs - one.heardAt > silenceMs) one.borrowed.onLost();
      }
    },
  };
}
