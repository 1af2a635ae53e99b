/**
 * SCGI, our side as a server: the netstring of a request's variables, as it arrives in a read buffer
 * that others use after us. What follows it is the body (`startBody` with its CONTENT_LENGTH).
 */
import type { CgiBlock } from "../worker/frames.ts";

export interface ScgiReader {
  /** The variables, once `done`; CONTENT_LENGTH first. */
  block: CgiBlock;
  done: boolean;
  /** What is wrong; then the connection must be closed. */
  problem: string;
  /** What was read of the head so far. */
  text: string;
  /** Characters of the head, its length and comma included; 0 while not known. */
  whole: number;
}

/** Most bytes of variables. */
export const maxScgiVariables = 128 * 1024;

export function createScgiReader(): ScgiReader {
  return { block: "", done: false, problem: "", text: "", whole: 0 };
}

/**
 * Reads on in buffer[start, end) until `done`, or `problem` is set.
 *
 * @returns the offset after what was read: once done, where the body begins
 */
export function readScgi(reader: ScgiReader, buffer: Buffer, start: number, end: number): number {
  let at = start;
  if (reader.done || reader.problem !== "") return at;
  while (reader.whole === 0) {
    if (at === end) return at;
    const char = buffer[at++] as number;
    if (char === 58 && reader.text !== "") {
      reader.whole = reader.text.length + 2 + Number(reader.text);
    } else if (char < 48 || char > 57 || reader.text === "0") {
      return refuse(reader, at, "SCGI without a length");
    } else if (Number(reader.text + String.fromCharCode(char)) > maxScgiVariables) {
      return refuse(reader, at, "SCGI variables that are too long");
    }
    reader.text += String.fromCharCode(char);
  }
  const until = Math.min(end, at + reader.whole - reader.text.length);
  reader.text += buffer.toString("latin1", at, until);
  if (reader.text.length < reader.whole) return until;
  const variables = reader.text.slice(reader.text.indexOf(":") + 1, -1);
  if (!reader.text.endsWith(","))
    return refuse(reader, until, "SCGI variables without their comma");
  if (!variables.endsWith("\0")) return refuse(reader, until, "SCGI variables without their end");
  const parts = variables.slice(0, -1).split("\0");
  if (parts[0] !== "CONTENT_LENGTH" || !/^\d+$/.test(parts[1] ?? "") || !isVersion1(parts)) {
    return refuse(reader, until, "SCGI without CONTENT_LENGTH first, or not version 1");
  }
  reader.block = variables.slice(0, -1);
  reader.text = "";
  reader.done = true;
  return until;
}

/** A name, not a value: those have even places. */
function isVersion1(parts: readonly string[]): boolean {
  return parts.some(
    (part, index) => index % 2 === 0 && part === "SCGI" && parts[index + 1] === "1",
  );
}

function refuse(reader: ScgiReader, at: number, problem: string): number {
  reader.problem = problem;
  reader.text = "";
  return at;
}
