/**
 * What an app writes must not be able to move the cursor, retitle the terminal or reverse the text
 * around it: escape sequences, control characters and bidirectional overrides are taken out.
 */

const esc = "\u001b";
const bell = "\u0007";

/** CSI; OSC, DCS, SOS, PM and APC up to their terminator; two-byte escapes. */
const escapes = new RegExp(
  `${esc}(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^${bell}${esc}]*(?:${bell}|${esc}\\\\)?|[ -/]*[0-~])`,
  "g",
);
/** Controls but the tab; marks of direction, zero-width and line separators. */
const controls = /(?!\t)\p{Cc}|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

const tabWidth = 4;
const longestLine = 64 * 1024;

/** One line that is safe to print; tabs become spaces, a line past 64 KiB is cut and says so. */
export function sanitizeLine(text: string): string {
  const kept = text.length > longestLine ? text.slice(0, longestLine) : text;
  const clean = kept
    .replace(escapes, "")
    .replace(controls, "")
    .replaceAll("\t", " ".repeat(tabWidth));
  const dropped = text.length - kept.length;
  return dropped === 0 ? clean : `${clean}…(+${dropped})`;
}
