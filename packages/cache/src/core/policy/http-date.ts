/** HTTP dates as a cache reads them: what differs from the grammar in case only is read as meant. */
import { parseHttpDate } from "@stack/protocols";

/**
 * Milliseconds since 1970; undefined for what is no date.
 *
 * @param nowMs decides the century of a two-digit year
 */
export function readHttpDate(text: string, nowMs: number): number | undefined {
  return parseHttpDate(text, nowMs) ?? parseHttpDate(inUsualCase(text), nowMs);
}

/** "THU, 18 AUG 2050 02:01:18 gMT" as it should be. */
function inUsualCase(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase())
    .replace(/ Gmt$/, " GMT");
}
