/**
 * Changes the header lines of a parsed request in place: what is forwarded, logged and matched from
 * then on is the edited head. For features that are rarely on: it makes a new text and splits it.
 */
import { growLines, lineStride } from "./head-lines.ts";
import type { RequestHead } from "./request-head.ts";
import { splitLines } from "./split-lines.ts";

/**
 * Takes lines away and adds others at the end. The request line, Host and framing must stay.
 *
 * @param removed names in lower case; null for none
 * @param added `Name: value\r\n` lines, valid latin-1; not checked again
 */
export function editHeadLines(
  head: RequestHead,
  removed: ReadonlySet<string> | null,
  added: string,
): void {
  const { lines, text } = head;
  const first = lines[0] as number;
  const linesEnd = head.lineCount * lineStride;
  const startLine = head.start < first ? text.slice(head.start, first) : "";
  let kept = startLine;
  for (let at = 0; at < linesEnd; at += lineStride) {
    const isRemoved = removed?.has(text.slice(lines[at], lines[at + 1]).toLowerCase()) === true;
    if (!isRemoved) kept += text.slice(lines[at], lines[at + lineStride]);
  }
  const edited = kept + added;
  head.text = `${edited}\r\n`;
  head.start = 0;
  if (head.lines.length < 2 * lineStride) growLines(head);
  head.lines[0] = startLine.length;
  splitLines(head, startLine.length, edited.length, Number.POSITIVE_INFINITY);
  if (head.named !== null) head.named = withoutOurs(head.named, added);
}

/** A client that names one of our fields in Connection does not make it vanish. */
function withoutOurs(named: ReadonlySet<string>, added: string): ReadonlySet<string> {
  const kept = new Set(named);
  for (const line of added.split("\r\n")) {
    kept.delete(line.slice(0, Math.max(line.indexOf(":"), 0)).toLowerCase());
  }
  return kept;
}
