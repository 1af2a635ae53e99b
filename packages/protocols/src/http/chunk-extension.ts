/**
 * What may stand between a chunk's size and the end of its line (RFC 9112 §7.1.1), byte by byte:
 * `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`. Nothing in it is used; it is
 * read as it is meant, so that nobody behind us can find another line end in it.
 */
import { tokenTable } from "./characters.ts";

/** Where in an extension the last byte was; 0 and less are ends. */
export const extensionState = {
  /** No extension could go on like this. */
  broken: -1,
  /** The CR of the line's end. */
  end: 0,
  /** White space before a ";". */
  gap: 1,
  beforeName: 2,
  name: 3,
  /** White space after a name: "=" or another ";" follows. */
  afterName: 4,
  beforeValue: 5,
  value: 6,
  quoted: 7,
  escaped: 8,
  quotedEnd: 9,
} as const;

const { broken, end, gap, beforeName, name, afterName, beforeValue, value, quoted } =
  extensionState;

/** @param state `gap` for the first byte after the size */
export function nextExtensionState(state: number, byte: number): number {
  if (state === quoted) return inQuotes(byte);
  if (state === extensionState.escaped) return isText(byte) ? quoted : broken;
  if (byte === 32 || byte === 9) return afterBlank(state);
  if (tokenTable[byte] !== 0) {
    if (state === beforeName || state === name) return name;
    return state === beforeValue || state === value ? value : broken;
  }
  if (byte === 34) return state === beforeValue ? quoted : broken;
  if (byte === 61) return state === name || state === afterName ? beforeValue : broken;
  if (state === beforeName || state === beforeValue) return broken;
  if (byte === 59) return beforeName;
  return byte === 13 && state !== gap && state !== afterName ? end : broken;
}

function afterBlank(state: number): number {
  if (state === name) return afterName;
  return state === value || state === extensionState.quotedEnd ? gap : state;
}

function inQuotes(byte: number): number {
  if (byte === 34) return extensionState.quotedEnd;
  if (byte === 92) return extensionState.escaped;
  return isText(byte) ? quoted : broken;
}

function isText(byte: number): boolean {
  return byte === 9 || (byte >= 32 && byte !== 127);
}
