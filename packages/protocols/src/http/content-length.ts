/** The value of Content-Length (RFC 9110 §8.6), read where it stands. */

/** What is no length. */
export const badLength = {
  notANumber: -1,
  /** More than a double counts exactly. */
  tooLong: -2,
} as const;

/** Fifteen digits: every such number is exact. */
const maxLength = 999_999_999_999_999;

/** The number in text[start, end), or one of `badLength`. */
export function readLength(text: string, start: number, end: number): number {
  if (start >= end) return badLength.notANumber;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return badLength.notANumber;
    length = Math.min(length * 10 + digit, maxLength + 1);
  }
  return length > maxLength ? badLength.tooLong : length;
}
