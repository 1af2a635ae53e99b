/** Where the names and values of header lines lie, in text the grammar has accepted. */
import { growLines, type HeadLines, lineStride } from "./head-lines.ts";
import { fieldIdAt } from "./header-names.ts";

/**
 * Fills `head.lines` from the lines in text[start, end); `end` is after the last line's CRLF.
 *
 * @returns false when there are more than `maxLines`
 */
export function splitLines(head: HeadLines, start: number, end: number, maxLines: number): boolean {
  const text = head.text;
  let lines = head.lines;
  let base = 0;
  let count = 0;
  const ours = text.slice(start, end); // or the search would run on into what follows the head
  let underscore = ours.indexOf("_");
  let at = start;
  while (at < end) {
    if (count === maxLines) return false;
    count++;
    if (base + 2 * lineStride > lines.length) lines = growLines(head);
    const colon = text.indexOf(":", at);
    const lineFeed = text.indexOf("\n", colon);
    let valueStart = colon + 1;
    let valueEnd = lineFeed - 1;
    while (valueStart < valueEnd && isBlank(text.charCodeAt(valueStart))) valueStart++;
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
    if (underscore >= 0 && underscore < at - start) underscore = ours.indexOf("_", at - start);
    lines[base] = at;
    lines[base + 1] = colon;
    lines[base + 2] = valueStart;
    lines[base + 3] = valueEnd;
    lines[base + 4] = fieldIdAt(text, at, colon, underscore >= 0 && underscore < colon - start);
    base += lineStride;
    at = lineFeed + 1;
  }
  lines[base] = end;
  head.lineCount = count;
  return true;
}

function isBlank(char: number): boolean {
  return char === 32 || char === 9;
}
