/**
 * A row of the screen: pieces of text with a tone each, cut to the width before they are painted.
 * A view is a list of rows; nothing below it knows React.
 */
import { clip, displayWidth, take } from "./width.ts";

export type Tone = "good" | "warn" | "bad" | "muted" | "bold" | "inverse" | `name${number}`;

export interface Span {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

export interface Line {
  readonly spans: readonly Span[];
  /** The cursor's row is shown inverse over its whole width. */
  readonly selected?: boolean;
}

export function line(...spans: readonly (Span | string)[]): Line {
  return { spans: spans.map((span) => (typeof span === "string" ? { text: span } : span)) };
}

export function span(text: string, tone?: Tone): Span {
  return { text, tone };
}

export function widthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + displayWidth(text), 0);
}

/** Cuts a row to the width, with an ellipsis at its end. */
export function clipLine(row: Line, width: number, ellipsis = "…"): Line {
  if (widthOf(row.spans) <= width) return row;
  const spans: Span[] = [];
  let left = width;
  for (const piece of row.spans) {
    const needs = displayWidth(piece.text);
    if (needs < left) {
      spans.push(piece);
      left -= needs;
      continue;
    }
    spans.push({
      ...piece,
      text:
        needs === left
          ? `${take(piece.text, left - 1)}${ellipsis}`
          : clip(piece.text, left, ellipsis),
    });
    break;
  }
  return { ...row, spans };
}

/** Left and right part of one row, at its two ends; the right one gives way. */
export function spread(left: readonly Span[], right: readonly Span[], width: number): Line {
  const gap = width - widthOf(left) - widthOf(right);
  if (gap < 1) return { spans: left };
  return { spans: [...left, { text: " ".repeat(gap) }, ...right] };
}
