/**
 * The header lines of a parsed head: offsets into the head's own text, no object per header.
 * Shared by request and response heads.
 */
import { type FieldId, sameName } from "./header-names.ts";

export interface HeadLines {
  /** The text all offsets refer to: latin-1, one character per byte. */
  text: string;
  /**
   * `lineStride` numbers per line; read them with `lineName` and `lineValue`. One more number
   * follows: where the lines end, so that line i ends where line i + 1 starts.
   */
  lines: Int32Array;
  lineCount: number;
}

/** Offsets of: the name's first character, the colon, the value's first character, the value's end, and the field's id. */
export const lineStride = 5;

/** The field name of line `index`, as received. */
export function lineName(head: HeadLines, index: number): string {
  const at = index * lineStride;
  return head.text.slice(head.lines[at], head.lines[at + 1]);
}

/** The field value of line `index`, without the white space around it. */
export function lineValue(head: HeadLines, index: number): string {
  const at = index * lineStride;
  return head.text.slice(head.lines[at + 2], head.lines[at + 3]);
}

/** The number of the field of line `index` (see `fieldId`). */
export function lineField(head: HeadLines, index: number): FieldId {
  return head.lines[index * lineStride + 4] as FieldId;
}

/**
 * The value of a field, the values of several lines joined by ", " (RFC 9110 §5.3).
 *
 * @param name in lower case
 */
export function headerValue(head: HeadLines, name: string): string | undefined {
  const { text, lines, lineCount } = head;
  let value: string | undefined;
  for (let index = 0; index < lineCount; index++) {
    const at = index * lineStride;
    const start = lines[at] as number;
    if ((lines[at + 1] as number) - start !== name.length) continue;
    if (!sameName(text, start, name)) continue;
    const found = text.slice(lines[at + 2], lines[at + 3]);
    value = value === undefined ? found : `${value}, ${found}`;
  }
  return value;
}

/** Doubles the room for lines; keeps what is there. */
export function growLines(head: HeadLines): Int32Array {
  const grown = new Int32Array(head.lines.length * 2);
  grown.set(head.lines);
  head.lines = grown;
  return grown;
}
