/** Header lines as HTTP/1.1 writes them, to the list HTTP/2 wants (RFC 9113 §8.2, §8.3.2). */
import { trimBlanks } from "@stack/protocols";

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
      if (!dropped.has(name)) list.push(name, trimBlanks(lines, colon + 1, end));
    }
    at = end + 2;
  }
  return list;
}
