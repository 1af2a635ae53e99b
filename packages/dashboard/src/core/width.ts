/**
 * Widths on the screen. Every row is built to its exact width here, so that none wraps and no
 * column shifts, whatever letters an app puts into its names and logs.
 */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const wide =
  /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{1F200}-\u{1F2FF}\u{20000}-\u{3FFFD}])/u;
const invisible = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Control}]+$/u;
/** Printable ASCII: one column each, and nearly every line there is. */
const plain = /^[ -~]*$/;

/** How many columns a text takes. */
export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** At most this many columns, ending in `…` (or "~") where something was cut off. */
export function clip(text: string, width: number, ellipsis = "…"): string {
  if (width <= 0) return "";
  if (displayWidth(text) <= width) return text;
  return `${take(text, width - 1)}${ellipsis}`;
}

/** Exactly this many columns, text to the left. */
export function padEnd(text: string, width: number, ellipsis?: string): string {
  const clipped = clip(text, width, ellipsis);
  return clipped + " ".repeat(Math.max(0, width - displayWidth(clipped)));
}

/** Exactly this many columns, text to the right. */
export function padStart(text: string, width: number, ellipsis?: string): string {
  const clipped = clip(text, width, ellipsis);
  return " ".repeat(Math.max(0, width - displayWidth(clipped))) + clipped;
}

/** As much of the text's beginning as fits. */
export function take(text: string, width: number): string {
  if (plain.test(text)) return text.slice(0, Math.max(0, width));
  let taken = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    const next = graphemeWidth(segment);
    if (used + next > width) break;
    taken += segment;
    used += next;
  }
  return taken;
}

function graphemeWidth(grapheme: string): number {
  if (invisible.test(grapheme)) return 0;
  return wide.test(grapheme) ? 2 : 1;
}
