/** Header lines as HTTP/1.1 writes them, to the list HTTP/2 wants (RFC 9113 §8.2, §8.3.2). */

/** RFC 9113 §8.2.2; what says how an HTTP/1.1 connection goes on means nothing here. */
const dropped: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "te",
]);

/**
 * @param lines `Name: value\r\n` lines, valid
 * @returns ":status", its value, name, value …; names in lower case
 */
export function fieldLines(status: number, lines: string): string[] {
  const list = [":status", String(status)];
  let at = 0;
  while (at < lines.length) {
    const found = lines.indexOf("\r\n", at);
    const end = found < 0 ? lines.length : found;
    const colon = lines.indexOf(":", at);
    if (colon > at && colon < end) {
      const name = lines.slice(at, colon).toLowerCase();
      if (!dropped.has(name)) list.push(name, withoutBlanks(lines, colon + 1, end));
    }
    at = end + 2;
  }
  return list;
}

/** RFC 9110 §5.6.3: spaces and tabs, no more; `trim` would take the last byte of "à" in UTF-8 for white space. */
function withoutBlanks(lines: string, from: number, until: number): string {
  let start = from;
  let end = until;
  while (start < end && isBlank(lines.charCodeAt(start))) start += 1;
  while (end > start && isBlank(lines.charCodeAt(end - 1))) end -= 1;
  return lines.slice(start, end);
}

function isBlank(char: number): boolean {
  return char === 32 || char === 9;
}
