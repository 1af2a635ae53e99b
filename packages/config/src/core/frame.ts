/** The lines of source around a place, with the place marked. */

/** What a terminal still shows; a line of a minified file is cut. */
const longestLine = 200;

/**
 * @param line counts from 1
 * @param column counts from 1
 * @param width how many characters are marked
 */
export function formatFrame(
  source: string,
  line: number,
  column: number,
  width = 1,
): readonly string[] {
  const lines = source.split(/\r?\n/);
  const marked = lines[line - 1];
  if (marked === undefined) return [];
  const digits = String(line).length;
  const gutter = " ".repeat(digits);
  const before = lines[line - 2];
  return [
    ...(before === undefined ? [] : [`  ${String(line - 1).padStart(digits)} | ${before}`]),
    `> ${line} | ${marked}`,
    `  ${gutter} | ${" ".repeat(column - 1)}${"^".repeat(Math.max(1, width))}`,
  ].map((text) => text.slice(0, longestLine).trimEnd());
}
