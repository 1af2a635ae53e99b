/** The character classes of RFC 9110 §5.6.2 and RFC 3986, as tables over bytes. */

/** 1 for a character of a token (RFC 9110 §5.6.2), 2 for "_", which is one too; else 0. */
export const tokenTable: Readonly<Uint8Array> = tableOf(
  "!#$%&'*+-.^`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
);

/** 1 for what RFC 3986 §2.3 calls unreserved: its percent-encoding means the same as itself. */
export const unreservedTable: Readonly<Uint8Array> = tableOf(
  "-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
);

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let index = 0; index < characters.length; index++) table[characters.charCodeAt(index)] = 1;
  if (characters.startsWith("!")) table[95] = 2;
  return table;
}

/** The value of a hexadecimal digit, or -1. */
export function hexValue(char: number): number {
  if (char >= 48 && char <= 57) return char - 48;
  const lower = char | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Whether text[start, end) is a token of at least one character. */
export function isToken(text: string, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let at = start; at < end; at++) if (tokenTable[text.charCodeAt(at)] === 0) return false;
  return true;
}
