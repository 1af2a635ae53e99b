/** What the Connection field says (RFC 9110 §7.6.1), and lists of tokens in general. */
import { type HeadLines, lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";

export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
  /** Whether it names fields that only this connection may see. */
  namesFields: boolean;
}

/** Adds what one Connection value says; false when it is not a list of tokens. */
export function readConnection(value: string, into: ConnectionOptions): boolean {
  for (const part of value.split(",")) {
    const option = part.trim().toLowerCase();
    if (option === "close") into.close = true;
    else if (option === "keep-alive") into.keepAlive = true;
    else if (option === "upgrade") into.upgrade = true;
    else if (option !== "") into.namesFields = true;
  }
  return true;
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
