/** View 1: the services, the last events with their reasons, the keys that apply. */
import type { StackEvent } from "@stack/control";
import { layoutColumns, type TableLayout } from "../core/columns.ts";
import { formatClock } from "../core/format.ts";
import { type Line, line, type Span, span } from "../core/line.ts";
import { rowsOf, type ServiceRow, selectedIndex } from "../core/rows.ts";
import type { DashboardState } from "../core/state.ts";
import { nameTone, stateShape, stateTone } from "../core/theme.ts";
import { clip, displayWidth, padEnd, padStart } from "../core/width.ts";
import { headerLines } from "./header.ts";
import { serviceKeys } from "./keys.ts";
import { isSmall, rule, type Screen, usableRows } from "./screen.ts";
import { tabs } from "./tabs.ts";

export function servicesView(state: DashboardState, screen: Screen): readonly Line[] {
  const small = isSmall(screen);
  const header = headerLines(state, screen);
  const footer = [...eventLines(state, screen), rule(screen), ...serviceKeys(state, screen)];
  const top = small ? [...header, rule(screen)] : [...header, rule(screen), tabs(state, screen)];
  const space = tableRows(screen);
  const rows = rowsOf(state, space);
  const layout = layoutColumns(
    screen.columns,
    Math.max(0, ...rows.map((row) => displayWidth(row.name) + row.branch.length * 2)),
  );
  const body = tableBody(state, rows, layout, screen, space);
  return [...top, ...(small ? [] : [titles(layout)]), ...body, ...footer];
}

/** How many services the table can show at once. */
export function tableRows(screen: Pick<Screen, "columns" | "rows">): number {
  const small = isSmall(screen);
  // Header, rule, tabs, titles above; rule, events, rule, keys below.
  const above = small ? 2 : 5;
  const below = small ? 4 : 4 + eventCount(screen);
  return Math.max(1, usableRows(screen) - above - below);
}

function titles(layout: TableLayout): Line {
  const cells = layout.columns.map((column) => align(column.title, column.width, column.align));
  const text = [
    `  ${padEnd("NAME", layout.nameWidth)}`,
    padEnd("STATE", layout.stateWidth),
    ...cells,
  ].join(" ");
  return line(span(text, "muted"));
}

/** The rows around the cursor that fit, and empty ones below so that the footer stays where it is. */
function tableBody(
  state: DashboardState,
  rows: readonly ServiceRow[],
  layout: TableLayout,
  screen: Screen,
  space: number,
): Line[] {
  const index = selectedIndex(rows, state.selected);
  const start = Math.min(
    Math.max(0, index - Math.floor(space / 2)),
    Math.max(0, rows.length - space),
  );
  const lines = rows
    .slice(start, start + space)
    .map((row, place) => serviceLine(state, row, layout, screen, start + place === index));
  const hidden = rows.length - start - space;
  if (hidden > 0)
    lines[lines.length - 1] = line(
      span(`  ${screen.capabilities.unicode ? "…" : "..."} ${hidden + 1} more`, "muted"),
    );
  while (lines.length < space) lines.push(line(""));
  return lines;
}

function serviceLine(
  state: DashboardState,
  row: ServiceRow,
  layout: TableLayout,
  screen: Screen,
  selected: boolean,
): Line {
  const { capabilities } = screen;
  const cursor = selected ? (capabilities.unicode ? "▸ " : "> ") : "  ";
  const shape = stateShape(row.state, capabilities);
  const stateText = layout.stateWidth === 1 ? shape : `${shape} ${row.state}`;
  const name = `${branch(row, capabilities.unicode)}${row.name}${row.folded ? " +" : ""}`;
  const spans: Span[] = [
    span(cursor, selected ? "bold" : undefined),
    span(padEnd(name, layout.nameWidth), selected || row.branch.length === 0 ? "bold" : undefined),
    span(" "),
  ];
  if (row.note !== undefined) {
    const rest = screen.columns - 2 - layout.nameWidth - 1 - 2;
    const all = row.note.parts.join("  ");
    const text = displayWidth(all) <= rest ? all : wholeParts(row.note.short, rest);
    return line(...spans, span(`${shape} `, row.note.tone), span(text, row.note.tone));
  }
  spans.push(span(padEnd(stateText, layout.stateWidth), stateTone(row.state)));
  const feedback = state.feedback.get(row.key);
  if (feedback !== undefined) {
    const rest = screen.columns - 2 - layout.nameWidth - 1 - layout.stateWidth - 2;
    return line(...spans, span(`  ${clip(feedback.text, rest)}`, feedback.tone));
  }
  for (const column of layout.columns) {
    spans.push(
      span(" "),
      span(align(column.text(row), column.width, column.align), cellTone(row, column.title)),
    );
  }
  return line(...spans);
}

/** As many as fit; the first is cut if need be. */
function wholeParts(parts: readonly string[], width: number): string {
  let text = clip(parts[0] ?? "", width);
  for (const part of parts.slice(1)) {
    const next = `${text}  ${part}`;
    if (displayWidth(next) > width) break;
    text = next;
  }
  return text;
}

/** Old data is grey by its own header line; here only what needs a look is coloured. */
function cellTone(row: ServiceRow, title: string): Span["tone"] {
  if (title === "READY" && row.ready !== null && row.ready.now < row.ready.wanted) return "warn";
  if ((title === "Q" || title === "QUEUE") && (row.queue ?? 0) > 0) return "warn";
  if (title === "RST" && row.restarts > 0) return "warn";
  if (row.kind === "own" || row.branch.length > 0) return "muted";
  return undefined;
}

function eventLines(state: DashboardState, screen: Screen): readonly Line[] {
  const count = eventCount(screen);
  const shown = state.events.slice(-count);
  const lines = shown.map((event) => eventLine(event, screen));
  while (lines.length < count) lines.push(line(""));
  return [rule(screen), ...lines];
}

function eventCount(screen: Pick<Screen, "columns" | "rows">): number {
  return isSmall(screen) ? 1 : Math.max(3, Math.min(8, Math.floor(screen.rows / 7)));
}

function eventLine(event: StackEvent, screen: Screen): Line {
  const { unicode } = screen.capabilities;
  const shape =
    event.level === "error"
      ? unicode
        ? "✖"
        : "x"
      : event.level === "warn"
        ? unicode
          ? "▲"
          : "!"
        : unicode
          ? "·"
          : "-";
  const tone = event.level === "error" ? "bad" : event.level === "warn" ? "warn" : "muted";
  const time = isSmall(screen) ? "" : `${formatClock(event.at, screen.offsetMinutes)} `;
  return line(
    span(` ${time}`, "muted"),
    span(`${shape} `, tone),
    span(padEnd(event.source, isSmall(screen) ? event.source.length : 12), nameTone(event.source)),
    span(` ${event.text}`),
  );
}

/** "│ └ ": a rail for each level that goes on below, then the branch itself. */
function branch(row: ServiceRow, unicode: boolean): string {
  return row.branch
    .map((last, level) => {
      if (level < row.branch.length - 1) return last ? "  " : unicode ? "│ " : "| ";
      return last ? (unicode ? "└ " : "` ") : unicode ? "├ " : "| ";
    })
    .join("");
}

function align(text: string, width: number, side: "left" | "right"): string {
  return side === "right" ? padStart(text, width) : padEnd(text, width);
}
