/** Range requests (RFC 9110 §14): one range of bytes; several are answered with the whole. */

export type RangeDecision =
  | { readonly kind: "whole" }
  /** Both ends count: "bytes 0-0" is one byte. */
  | { readonly kind: "part"; readonly first: number; readonly last: number }
  | { readonly kind: "unsatisfiable" };

const whole: RangeDecision = { kind: "whole" };

/**
 * What to answer to a Range: the whole (200), a part (206), or 416. What is malformed, of another
 * unit or more than one range is ignored, as RFC 9110 §14.2 allows.
 */
export function decideRange(range: string | undefined, length: number): RangeDecision {
  if (range === undefined) return whole;
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(range);
  if (match === null) return whole;
  const [, from = "", to = ""] = match;
  if (from === "") {
    if (to === "") return whole;
    const suffix = Number(to);
    if (suffix === 0) return { kind: "unsatisfiable" };
    if (length === 0) return whole;
    return { kind: "part", first: Math.max(0, length - suffix), last: length - 1 };
  }
  const first = Number(from);
  const last = to === "" ? Number.POSITIVE_INFINITY : Number(to);
  if (last < first) return whole;
  if (first >= length) return { kind: "unsatisfiable" };
  return { kind: "part", first, last: Math.min(last, length - 1) };
}

/** The Content-Range of a 206, or with no part of a 416. */
export function formatContentRange(
  part: { readonly first: number; readonly last: number } | undefined,
  length: number,
): string {
  return part === undefined ? `bytes */${length}` : `bytes ${part.first}-${part.last}/${length}`;
}
