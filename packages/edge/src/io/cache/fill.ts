/**
 * One answer on its way, and those that wait for it. Readers pull: each has its own place in the
 * pieces, so a slow one holds neither the answer nor the others. As long as the answer is to be kept
 * all its pieces are, and whoever comes late still gets all of it; otherwise pieces go when the last
 * reader has them, and the answer comes no faster than that.
 */
import type { StoredAnswer } from "@stack/cache";
import type { CacheOutcome } from "../../core/cache/outcomes.ts";
import type { Bytes } from "../exchange.ts";
import type { HotEntry } from "./hot-entry.ts";

/** How an answer of the app begins. */
export interface FillHead {
  readonly status: number;
  readonly reason: string;
  /** `Name: value\r\n` lines as for `Exchange.begin`. */
  readonly fields: string;
  readonly length: number;
  readonly hasDate: boolean | undefined;
  /** What it will be once it is stored; undefined for what will not be. */
  readonly answer: StoredAnswer | undefined;
  /** Why not; "" for what will be. */
  readonly refusal: string;
}

/** Who answered, for the access log of those that waited. */
export interface FillSource {
  readonly servedBy: string;
  readonly app: string;
  readonly queueMs: number;
  readonly release: string;
}

interface FillFailure {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterS: number | undefined;
}

/** It came whole, from the store or to the store; `outcome` where that was not the app's own answer. */
interface FillResult {
  readonly entry: HotEntry;
  readonly outcome: CacheOutcome | undefined;
}

export interface FillReader {
  /** Something new is there: head, pieces or the end. */
  onNews(): void;
  /**
   * Not for this reader, which asks by itself; or (`isLost`) whoever fetched it is gone, and it is to
   * look again. Never after the head was told.
   */
  onReleased(isLost: boolean): void;
  /** It waits for its client. */
  readonly isBlocked: () => boolean;
  /** The first piece it has not taken. */
  readonly position: () => number;
}

export interface Fill {
  readonly key: string;
  readonly phase: () => "waiting" | "begun" | "ended" | "failed";
  readonly head: () => FillHead | undefined;
  readonly source: () => FillSource;
  readonly failure: () => FillFailure | undefined;
  readonly result: () => FillResult | undefined;
  /** By its number from the beginning; undefined when it has not come yet. */
  readonly piece: (index: number) => Bytes | undefined;
  /** Whether somebody may still come in and get all of it. */
  readonly isOpen: () => boolean;
  readonly join: (reader: FillReader) => void;
  readonly leave: (reader: FillReader) => void;
  /** A reader can take more. */
  readonly onRoom: () => void;

  // ── whoever fills ────────────────────────────────────────────────────────────────────────────
  /** @param suits those for whom the answer is not are released */
  readonly begin: (
    head: FillHead,
    source: FillSource,
    suits: (reader: FillReader) => boolean,
  ) => void;
  /** False: no more until `FillOwner.onResume`. */
  readonly add: (bytes: Bytes) => boolean;
  /** The answer is not to be kept after all: it is too long. */
  readonly giveUpKeeping: () => void;
  /** @param result where it was stored, or came from there */
  readonly end: (result: FillResult | undefined) => void;
  /** @param only who is told of it, where nothing has begun: the others look again */
  readonly fail: (failure: FillFailure, source: FillSource, only?: FillReader) => void;
  /** Before `begin`, all of them. */
  readonly release: (isLost: boolean) => void;
  /** All of them, while they are kept. */
  readonly pieces: () => readonly Bytes[];
  readonly bytes: () => number;
  readonly readerCount: () => number;
}

export interface FillOwner {
  /** More can be taken after `add` returned false. */
  readonly onResume: () => void;
  /** The last reader has left. */
  readonly onDeserted: () => void;
}

const nobody: FillSource = { servedBy: "", app: "", queueMs: 0, release: "" };

export function createFill(key: string, owner: FillOwner): Fill {
  const readers = new Set<FillReader>();
  const pieces: Bytes[] = [];
  /** Pieces before this one are gone. */
  let first = 0;
  let bytes = 0;
  let isKept = true;
  let isHeld = false;
  let phase: ReturnType<Fill["phase"]> = "waiting";
  let head: FillHead | undefined;
  let source = nobody;
  let failure: FillFailure | undefined;
  let result: FillResult | undefined;

  const isOver = (): boolean => phase === "ended" || phase === "failed";
  const tellAll = (): void => {
    for (const reader of [...readers]) reader.onNews();
  };
  const dropRead = (): void => {
    if (isKept) return;
    let slowest = first + pieces.length;
    for (const reader of readers) slowest = Math.min(slowest, reader.position());
    if (slowest > first) pieces.splice(0, slowest - first);
    first = slowest;
  };
  /** Takes all others out. */
  const without = (only: FillReader): readonly FillReader[] => {
    const others = [...readers].filter((reader) => reader !== only);
    for (const reader of others) readers.delete(reader);
    return others;
  };
  const isAnyBlocked = (): boolean => {
    for (const reader of readers) if (reader.isBlocked()) return true;
    return false;
  };
  const resume = (): void => {
    dropRead();
    if (!isHeld || isAnyBlocked()) return;
    isHeld = false;
    owner.onResume();
  };

  return {
    key,
    phase: () => phase,
    head: () => head,
    source: () => source,
    failure: () => failure,
    result: () => result,
    piece: (index) => pieces[index - first],
    isOpen: () => isKept && phase !== "failed",
    join(reader) {
      readers.add(reader);
      if (phase !== "waiting") reader.onNews();
    },
    leave(reader) {
      if (!readers.delete(reader) || isOver()) return;
      if (readers.size === 0) owner.onDeserted();
      else resume();
    },
    onRoom: resume,
    begin(begun, from, suits) {
      if (phase !== "waiting") return;
      head = begun;
      source = from;
      isKept = begun.answer !== undefined;
      phase = "begun";
      const released = [...readers].filter((reader) => !suits(reader));
      for (const reader of released) readers.delete(reader);
      tellAll();
      for (const reader of released) reader.onReleased(false);
      if (readers.size === 0 && !isOver()) owner.onDeserted();
    },
    add(piece) {
      if (phase !== "begun" || piece.length === 0) return true;
      pieces.push(piece);
      bytes += piece.length;
      tellAll();
      if (isKept) return true;
      dropRead();
      isHeld = isAnyBlocked();
      return !isHeld;
    },
    giveUpKeeping() {
      if (!isKept) return;
      isKept = false;
      tellAll();
      dropRead();
      if (readers.size === 0) owner.onDeserted();
    },
    end(got) {
      if (isOver()) return;
      phase = "ended";
      result = got;
      tellAll();
    },
    fail(why, from, only) {
      if (isOver()) return;
      failure = why;
      source = from;
      const others = only === undefined || phase === "begun" ? [] : without(only);
      phase = "failed";
      tellAll();
      readers.clear();
      for (const reader of others) reader.onReleased(true);
    },
    release(isLost) {
      if (phase !== "waiting") return;
      phase = "failed";
      const all = [...readers];
      readers.clear();
      for (const reader of all) reader.onReleased(isLost);
    },
    pieces: () => pieces,
    bytes: () => bytes,
    readerCount: () => readers.size,
  };
}
