/** What the Connection field says (RFC 9110 §7.6.1). */
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

/** The bits of one Connection value. */
export function readConnection(value: string): number {
  if (value === "keep-alive") return connectionBit.keepAlive;
  if (value === "close") return connectionBit.close;
  let bits = 0;
  for (const part of value.split(",")) bits |= bitOf(part.trim().toLowerCase());
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

/** Whether a Connection line of this head names the field `name` (lower case). */
export function connectionNames(head: HeadLines, name: string): boolean {
  for (let index = 0; index < head.lineCount; index++) {
    const at = index * lineStride;
    if (head.lines[at + 4] !== fieldId.connection) continue;
    const value = head.text.slice(head.lines[at + 2], head.lines[at + 3]);
    if (value.split(",").some((part) => part.trim().toLowerCase() === name)) return true;
  }
  return false;
}
