/** The white space of fields: spaces and tabs, no more (RFC 9110 §5.6.3). */

/**
 * text[from, until) without blanks at either end. `String.trim` would take more: U+00A0, which is the last
 * byte of "à" in UTF-8.
 */
export function trimBlanks(text: string, from = 0, until = text.length): string {
  let start = from;
  let end = until;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(char: number): boolean {
  return char === 32 || char === 9;
}
