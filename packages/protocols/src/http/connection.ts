/** What the Connection field says (RFC 9110 §7.6.1). */
import { trimBlanks } from "./blanks.ts";
import { type HeadLines, lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";

/** Bits of what Connection values say. */
export const connectionBit = {
  close: 1,
  keepAlive: 2,
  upgrade: 4,
  /** It names fields that only this connection may see. */
  namesFields: 8,
} as const;

/** Options one Connection value may list: more are no client's, but work for us. */
const maxOptions = 64;

/** The bits of one Connection value; -1 when it lists too many options. */
export function readConnection(value: string): number {
  if (value === "keep-alive") return connectionBit.keepAlive;
  if (value === "close") return connectionBit.close;
  const options = value.split(",", maxOptions + 1);
  if (options.length > maxOptions) return -1;
  let bits = 0;
  for (const option of options) bits |= bitOf(trimBlanks(option).toLowerCase());
  return bits;
}

function bitOf(option: string): number {
  switch (option) {
    case "":
      return 0;
    case "close":
      return connectionBit.close;
    case "keep-alive":
      return connectionBit.keepAlive;
    case "upgrade":
      return connectionBit.upgrade;
    default:
      return connectionBit.namesFields;
  }
}

/** Whether a connection with these bits stays open after the message. */
export function staysOpen(bits: number, minor: number): boolean {
  if ((bits & connectionBit.close) !== 0) return false;
  return minor === 1 || (bits & connectionBit.keepAlive) !== 0;
}

/** The names, in lower case, that the Connection lines of this head list. */
export function namedFields(head: HeadLines): ReadonlySet<string> {
  const { lines, text } = head;
  const named = new Set<string>();
  const linesEnd = head.lineCount * lineStride;
  for (let at = 0; at < linesEnd; at += lineStride) {
    if (lines[at + 4] !== fieldId.connection) continue;
    for (const option of text.slice(lines[at + 2], lines[at + 3]).split(",")) {
      named.add(trimBlanks(option).toLowerCase());
    }
  }
  return named;
}
