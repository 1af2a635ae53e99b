/**
 * The uwsgi protocol, our side as a server: the head of a request, as it arrives in a read buffer
 * that others use after us. What follows it is the body (`startBody` with its CONTENT_LENGTH).
 */
import type { CgiBlock } from "../worker/frames.ts";

export interface UwsgiReader {
  /** The variables, once `done`. */
  block: CgiBlock;
  done: boolean;
  /** What is wrong; then the connection must be closed. */
  problem: string;
  /** What was read of the head so far. */
  text: string;
  /** Characters of the head with its header; 0 while not known. */
  whole: number;
}

const headerBytes = 4;

export function createUwsgiReader(): UwsgiReader {
  return { block: "", done: false, problem: "", text: "", whole: 0 };
}

/**
 * Reads on in buffer[start, end) until `done`, or `problem` is set.
 *
 * @returns the offset after what was read: once done, where the body begins
 */
export function readUwsgi(reader: UwsgiReader, buffer: Buffer, start: number, end: number): number {
  if (reader.done || reader.problem !== "") return start;
  let at = start;
  if (reader.whole === 0) {
    at = take(reader, buffer, at, end, headerBytes);
    if (reader.text.length < headerBytes) return at;
    if (!isRequest(reader.text.charCodeAt(0)) || reader.text.charCodeAt(3) !== 0) {
      return refuse(reader, at, "a uwsgi packet that is no request");
    }
    reader.whole = headerBytes + littleEndianAt(reader.text, 1);
  }
  at = take(reader, buffer, at, end, reader.whole);
  if (reader.text.length < reader.whole) return at;
  const block = decodeVariables(reader.text, headerBytes);
  if (block === undefined) return refuse(reader, at, "uwsgi variables that do not add up");
  reader.block = block;
  reader.text = "";
  reader.done = true;
  return at;
}

/** Adds to `reader.text` up to `length` characters. */
function take(
  reader: UwsgiReader,
  buffer: Buffer,
  start: number,
  end: number,
  length: number,
): number {
  const until = Math.min(end, start + length - reader.text.length);
  if (until <= start) return start;
  reader.text += buffer.toString("latin1", start, until);
  return until;
}

/** Modifier 0; 30 is how old configs of nginx ask for SCRIPT_NAME to be taken off the path: it always is. */
function isRequest(modifier: number): boolean {
  return modifier === 0 || modifier === 30;
}

function decodeVariables(text: string, start: number): CgiBlock | undefined {
  const parts: string[] = [];
  for (let at = start; at < text.length; ) {
    const from = at + 2;
    const until = from + littleEndianAt(text, at);
    if (from > text.length || until > text.length) return undefined;
    parts.push(text.slice(from, until));
    at = until;
  }
  // NUL is what separates them in the block.
  if (parts.length % 2 !== 0 || parts.some((part) => part.includes("\0"))) return undefined;
  return parts.join("\0");
}

/** NaN, which is beyond any text, past its end. */
function littleEndianAt(text: string, at: number): number {
  return text.charCodeAt(at) + text.charCodeAt(at + 1) * 256;
}

function refuse(reader: UwsgiReader, at: number, problem: string): number {
  reader.problem = problem;
  reader.text = "";
  return at;
}
