/**
 * Range requests (RFC 9110 §14): one part or several, within caps, so that a short request cannot
 * ask for more than the file (§17.15).
 */

/** Both ends count: "bytes 0-0" is one byte. */
export interface BytePart {
  readonly first: number;
  readonly last: number;
}

export type RangeDecision =
  | { readonly kind: "whole" }
  | ({ readonly kind: "part" } & BytePart)
  /** At least two, in the order they were asked for. */
  | { readonly kind: "parts"; readonly parts: readonly BytePart[] }
  | { readonly kind: "unsatisfiable" };

/** More parts than this, or more than two that overlap, are answered with the whole. */
const maxRanges = 32;
const maxOverlaps = 2;

const whole: RangeDecision = { kind: "whole" };
const unsatisfiable: RangeDecision = { kind: "unsatisfiable" };

/**
 * What to answer to a Range: the whole (200), a part or parts (206), or 416. What is malformed, of
 * another unit or asks too much is ignored, as RFC 9110 §14.2 allows.
 */
export function decideRange(range: string | undefined, length: number): RangeDecision {
  if (range === undefined) return whole;
  const match = /^bytes=[ \t]*([\d, \t-]*)$/i.exec(range);
  if (match === null) return whole;
  const parts: BytePart[] = [];
  let asked = 0;
  for (const spec of (match[1] ?? "").split(",")) {
    const text = spec.trim();
    if (text === "") continue; // RFC 9110 §5.6.1: empty elements of a list are ignored
    const part = partOf(text, length);
    asked += 1;
    if (part === "malformed" || part === "whole" || asked > maxRanges) return whole;
    if (part !== "beyond") parts.push(part);
  }
  if (asked === 0) return whole;
  const [only] = parts;
  if (only === undefined) return unsatisfiable;
  if (parts.length === 1) return { kind: "part", ...only };
  return asksTooMuch(parts, length) ? whole : { kind: "parts", parts };
}

/** The Content-Range of a 206, or with no part of a 416. */
export function formatContentRange(part: BytePart | undefined, length: number): string {
  return part === undefined ? `bytes */${length}` : `bytes ${part.first}-${part.last}/${length}`;
}

function partOf(text: string, length: number): BytePart | "malformed" | "whole" | "beyond" {
  const match = /^(\d*)-(\d*)$/.exec(text);
  if (match === null) return "malformed";
  const [, from = "", to = ""] = match;
  if (from === "") {
    if (to === "") return "malformed";
    const suffix = Number(to);
    if (suffix === 0) return "beyond";
    if (length === 0) return "whole";
    return { first: Math.max(0, length - suffix), last: length - 1 };
  }
  const first = Number(from);
  const last = to === "" ? Number.POSITIVE_INFINITY : Number(to);
  if (last < first) return "malformed";
  if (first >= length) return "beyond";
  return { first, last: Math.min(last, length - 1) };
}

function asksTooMuch(parts: readonly BytePart[], length: number): boolean {
  let bytes = 0;
  let overlaps = 0;
  let end = -1;
  for (const { first, last } of parts.toSorted((one, other) => one.first - other.first)) {
    bytes += last + 1 - first;
    if (first <= end) overlaps += 1;
    end = Math.max(end, last);
  }
  return bytes > length || overlaps > maxOverlaps;
}
