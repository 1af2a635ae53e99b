/** How a body is delimited on the side that is written, as one number: -1 none, -2 chunked, else its length. */
import { flatCopy } from "./flat.ts";

/** No body, and nothing said about one. */
export const noBody = -1;
/** Transfer-Encoding: chunked. */
export const chunkedBody = -2;

/** `noBody`, `chunkedBody`, or a length in bytes (0 is written as Content-Length: 0). */
export type Framing = number;

/** The lines of shorter bodies are made once. */
const keptLines = 4096;
const lengthLines = new Array<string | undefined>(keptLines);

/** `Content-Length: N`, ended by CRLF. */
export function contentLengthLine(length: number): string {
  if (length >= keptLines) return `Content-Length: ${length}\r\n`;
  lengthLines[length] ??= flatCopy(`Content-Length: ${length}\r\n`);
  return lengthLines[length] as string;
}
