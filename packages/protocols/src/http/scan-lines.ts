/**
 * Splits the header lines of a head, strictly (RFC 9112 §5, RFC 9110 §5.5): a token, ":" right
 * after it, a value without control characters, CRLF. No obs-fold, no bare CR or LF, no NUL.
 */
import { tokenTable } from "./characters.ts";
import { growLines, type HeadLines, lineStride } from "./head-lines.ts";
import { fieldIdOf } from "./header-names.ts";

/**
 * Reads the lines in text[at, end) into `head`; `end` is after the CRLF of the last line.
 *
 * @returns "" or what is wrong; more than `maxLines` lines is `tooManyLines`
 */
export function scanLines(head: HeadLines, at: number, end: number, maxLines: number): string {
  const text = head.text;
  let lines = head.lines;
  let count = 0;
  let position = at;
  while (position < end) {
    if (count === maxLines) return tooManyLines;
    if ((count + 1) * lineStride > lines.length) {
      lines = growLines(lines, count + 1);
      head.lines = lines;
    }
    const nameStart = position;
    while (tokenTable[text.charCodeAt(position)] !== 0 && position < end) position++;
    if (position === nameStart || text.charCodeAt(position) !== 58) {
      return problemOfName(text, nameStart, position);
    }
    const colon = position;
    let char = text.charCodeAt(++position);
    while (char === 32 || char === 9) char = text.charCodeAt(++position);
    const valueStart = position;
    while (char >= 32 ? char !== 127 : char === 9) char = text.charCodeAt(++position);
    if (char !== 13 || text.charCodeAt(position + 1) !== 10 || position + 2 > end) {
      return "a header value has a control character, or a line does not end in CRLF";
    }
    let valueEnd = position;
    while (valueEnd > valueStart) {
      char = text.charCodeAt(valueEnd - 1);
      if (char !== 32 && char !== 9) break;
      valueEnd--;
    }
    const base = count * lineStride;
    lines[base] = nameStart;
    lines[base + 1] = colon;
    lines[base + 2] = valueStart;
    lines[base + 3] = valueEnd;
    lines[base + 4] = fieldIdOf(text.slice(nameStart, colon));
    count++;
    position += 2;
  }
  head.lineCount = count;
  return "";
}

export const tooManyLines = "too many header lines";

function problemOfName(text: string, start: number, at: number): string {
  const char = text.charCodeAt(at);
  if (at > start && (char === 32 || char === 9)) return "white space before the colon of a header";
  if (char === 32 || char === 9) return "a folded header line";
  return "a header name is not a token followed by a colon";
}
