/**
 * A queue of bytes on disk: appended at one end, read at the other, all of it asynchronous. The file
 * has no name from the moment it is open, so that nothing of it is left after a crash. Where the
 * disk fails, what is not written yet stays in memory and is read from there.
 */
import { close, mkdir, open, read, unlink, write } from "node:fs";
import { join } from "node:path";
import { appendPiece } from "../../core/body-pieces.ts";
import { type SpillBudget, spillStepBytes } from "../../core/spill-budget.ts";

export interface SpillFile {
  /** Bytes appended and not read yet. */
  readonly length: () => number;
  /** Takes the bytes, which are the file's from now on; false beyond the bound or after a failure. */
  readonly append: (bytes: Buffer) => boolean;
  /** Much is waiting for the disk: append no more until `onCaughtUp`. */
  readonly isBehind: () => boolean;
  /** The next bytes; undefined when they are lost. Not to be asked twice at once, nor when empty. */
  readonly read: (onPiece: (piece: Buffer | undefined) => void) => void;
  /** Frees it at once, whatever is under way. */
  readonly close: () => void;
}

export interface SpillFileOptions {
  readonly folder: string;
  /** Unique among the files of the process. */
  readonly name: string;
  readonly limitBytes: number;
  readonly budget: SpillBudget;
  /** The disk has taken what was waiting. */
  readonly onCaughtUp: () => void;
  /** Once: the disk did not take it. */
  readonly onProblem: (error: Error) => void;
}

const pieceBytes = 64 * 1024;
/** More than this waits for the disk: whoever appends has to wait as well. */
const behindBytes = 1024 * 1024;

/** Undefined when the bound is reached already. */
export function openSpillFile(options: SpillFileOptions): SpillFile | undefined {
  const { budget, folder, limitBytes } = options;
  if (!budget.take(limitBytes)) return undefined;
  /** In order, not on disk yet; the first may be under way to it. */
  const queue: Buffer[] = [];
  let block: Buffer | undefined;
  let queuedBytes = 0;
  let steps = 1;
  let appended = 0;
  let written = 0;
  let readAt = 0;
  let fd = -1;
  let state: "opening" | "open" | "failed" | "closed" = "opening";
  /** System calls under way: the descriptor is closed after the last. */
  let busy = 0;
  let isWriting = false;
  let waiting: ((piece: Buffer | undefined) => void) | undefined;

  const release = (): void => {
    if (state === "closed" && busy === 0 && fd >= 0) {
      close(fd, () => {});
      fd = -1;
    }
  };
  const fail = (error: Error): void => {
    if (state === "closed") return;
    state = "failed";
    options.onProblem(error);
    serveWaiting();
    options.onCaughtUp();
  };
  const openFile = (mayCreateFolder: boolean): void => {
    const path = join(folder, options.name);
    busy += 1;
    open(path, "wx+", 0o600, (error, opened) => {
      busy -= 1;
      if (error?.code === "ENOENT" && mayCreateFolder) {
        mkdir(folder, { recursive: true, mode: 0o700 }, () => openFile(false));
        return;
      }
      if (error !== null) {
        fail(error);
        return;
      }
      fd = opened;
      busy += 1;
      unlink(path, (problem) => {
        busy -= 1;
        if (state === "closed") release();
        else if (problem !== null) fail(problem);
        else {
          state = "open";
          writeNext();
        }
      });
    });
  };
  const writeNext = (): void => {
    const [first] = queue;
    if (first === undefined || isWriting || state !== "open") return;
    isWriting = true;
    busy += 1;
    write(fd, first, 0, first.length, written, (error, count) => {
      busy -= 1;
      isWriting = false;
      if (state === "closed") {
        release();
        return;
      }
      if (error !== null) {
        fail(error);
        return;
      }
      const wasBehind = queuedBytes > behindBytes;
      written += count;
      queuedBytes -= count;
      if (count === first.length) queue.shift();
      else queue[0] = first.subarray(count);
      writeNext();
      serveWaiting();
      if (wasBehind && queuedBytes <= behindBytes) options.onCaughtUp();
    });
  };
  const serveWaiting = (): void => {
    const onPiece = waiting;
    if (onPiece === undefined) return;
    waiting = undefined;
    file.read(onPiece);
  };

  const file: SpillFile = {
    length: () => appended - readAt,
    append(bytes) {
      if (state === "failed" || state === "closed") return false;
      while (appended + bytes.length > steps * spillStepBytes) {
        if (!budget.take(limitBytes)) return false;
        steps += 1;
      }
      // The first may be under way to the disk: nothing is joined to it.
      if (queue.length > 1) block = appendPiece(queue, bytes, block);
      else {
        queue.push(bytes);
        block = undefined;
      }
      queuedBytes += bytes.length;
      appended += bytes.length;
      writeNext();
      return true;
    },
    isBehind: () => queuedBytes > behindBytes && state !== "failed",
    read(onPiece) {
      if (readAt < written) {
        const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, written - readAt));
        busy += 1;
        read(fd, piece, 0, piece.length, readAt, (error, count) => {
          busy -= 1;
          if (state === "closed") {
            release();
            return;
          }
          readAt += count;
          onPiece(error !== null || count === 0 ? undefined : piece.subarray(0, count));
        });
        return;
      }
      if (state !== "failed") {
        waiting = onPiece; // on its way to the disk
        return;
      }
      const piece = queue.shift();
      if (piece !== undefined) {
        readAt += piece.length;
        queuedBytes -= piece.length;
      }
      onPiece(piece);
    },
    close() {
      if (state === "closed") return;
      state = "closed";
      budget.give(steps);
      queue.length = 0;
      waiting = undefined;
      release();
    },
  };
  openFile(true);
  return file;
}
