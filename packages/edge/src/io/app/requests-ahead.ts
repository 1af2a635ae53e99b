/**
 * What was sent to a worker that takes one request at a time, behind the one that runs (ADR 24): how many
 * it may be, in which order they get the slot, and when they are taken back.
 */
import { performance } from "node:perf_hooks";
import { createStallWatch } from "./stall-watch.ts";
import type { WorkerChannel } from "./worker-channel.ts";

export interface RequestsAhead {
  /** How many more may be sent, by how long the last request took. */
  readonly room: () => number;
  /** So many may be sent at once. */
  readonly most: () => number;
  /** A request was answered in so many milliseconds; Infinity for one of which that is not known. */
  readonly answered: (tookMs: number) => void;
  /** The worker has said something: it does not hang. */
  readonly moved: () => void;
  readonly add: (channel: WorkerChannel) => void;
  /** @returns whether it was one of them */
  readonly remove: (channel: WorkerChannel) => boolean;
  /** The one the worker comes to now. */
  readonly next: () => WorkerChannel | undefined;
  /** Gives up all of them. The worker has not come to them, and perhaps will not for long. */
  readonly takeBack: () => void;
  /** Forgets them: they are settled in another way. */
  readonly clear: () => void;
  /** Whether the worker will come to what it has, as far as is known. @param holder what runs */
  readonly isQuick: (holder: WorkerChannel | undefined) => boolean;
}

/** As many requests are sent ahead as the worker will probably come to within this time. */
const aheadMs = 5;
const mostAhead = 8;
/** So long they wait for a worker that says nothing; then they go to whoever is free. */
const stallMs = 5;

/** @param giveUp called for each that is taken back, the last first: each goes before all others */
export function createRequestsAhead(giveUp: (channel: WorkerChannel) => void): RequestsAhead {
  const ahead: WorkerChannel[] = [];
  let most = 0;
  const stall = createStallWatch(
    stallMs,
    () => ahead.length > 0,
    () => {
      most = 0;
      takeBack();
    },
  );

  function takeBack(): void {
    for (const channel of ahead.splice(0).reverse()) giveUp(channel);
  }

  return {
    room: () => most - ahead.length,
    most: () => most,
    answered(tookMs) {
      most = tookMs * mostAhead < aheadMs ? mostAhead : Math.floor(aheadMs / tookMs);
    },
    moved: stall.moved,
    add(channel) {
      ahead.push(channel);
      stall.start();
    },
    remove(channel) {
      const at = ahead.indexOf(channel);
      if (at >= 0) ahead.splice(at, 1);
      return at >= 0;
    },
    next: () => ahead.shift(),
    takeBack,
    clear() {
      ahead.length = 0;
    },
    isQuick(holder) {
      if (most === 0) return false;
      if (holder?.call === undefined || ahead.length > 0) return true; // these are watched
      return performance.now() - holder.startedAt < stallMs;
    },
  };
}
